// Linked with `alwayslink`: registers the cpu backend before main().

#include "backends/cpu/backend.h"

namespace pare::backends {
namespace {

[[maybe_unused]] const bool registered = register_cpu_backend().ok();

}  // namespace
}  // namespace pare::backends
