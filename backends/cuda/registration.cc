// Linked with `alwayslink`: registers the cuda backend before main().

#include "backends/cuda/backend.h"

namespace pare::backends {
namespace {

[[maybe_unused]] const bool registered = register_cuda_backend().ok();

}  // namespace
}  // namespace pare::backends
