#include "ops/torch_execution.h"

#include <ATen/Parallel.h>

namespace pare::ops {

backends::Execution torch_execution() {
  return {[](int64_t begin, int64_t end, int64_t grain, backends::Execution::Body body) {
    at::parallel_for(begin, end, grain, [&](int64_t first, int64_t last) { body(first, last); });
  }};
}

}  // namespace pare::ops
