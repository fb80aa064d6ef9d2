#include "ops/torch_execution.h"

#include <ATen/Parallel.h>

// The thread sanitizer's, if the program is linked with it. It does not see what orders the threads of OpenMP, whose
// library is not instrumented, and would report every result of theirs as a race.
extern "C" {
__attribute__((weak)) void __tsan_acquire(void* address);
__attribute__((weak)) void __tsan_release(void* address);
}

namespace pare::ops {
namespace {

// All that a thread did before release() comes before what another does after acquire().
class Order {
 public:
  void acquire() {
    if (__tsan_acquire != nullptr) __tsan_acquire(this);
  }
  void release() {
    if (__tsan_release != nullptr) __tsan_release(this);
  }

 private:
  char address_ = 0;
};

}  // namespace

backends::Execution torch_execution() {
  return {[](int64_t begin, int64_t end, int64_t grain, backends::Execution::Body body) {
    Order start, finish;
    start.release();
    at::parallel_for(begin, end, grain, [&](int64_t first, int64_t last) {
      start.acquire();
      body(first, last);
      finish.release();
    });
    finish.acquire();
  }};
}

}  // namespace pare::ops
