// Linked with `alwayslink`: kernels go where LibTorch's own do, from the first one on.

#include "backends/cuda/libtorch_streams.h"

namespace pare::backends::cuda {
namespace {

[[maybe_unused]] const bool used = [] {
  use_streams(libtorch_streams());
  return true;
}();

}  // namespace
}  // namespace pare::backends::cuda
