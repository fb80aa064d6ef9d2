#include "training/threads.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace pare::training {

int use_all_threads() {
  // LibTorch has read the variable itself.
  if (const char* variable = std::getenv("OMP_NUM_THREADS"); variable != nullptr && *variable != '\0') {
    return at::get_num_threads();
  }
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  at::set_num_threads(threads);
  return at::get_num_threads();
}

}  // namespace pare::training
