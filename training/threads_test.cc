#include "training/threads.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace pare::training {
namespace {

TEST(UseAllThreads, SetsTheNumberOfProcessors) {
  unsetenv("OMP_NUM_THREADS");
  const int expected = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  EXPECT_EQ(use_all_threads(), expected);
  EXPECT_EQ(at::get_num_threads(), expected);
}

TEST(UseAllThreads, LeavesTheUsersNumberAlone) {
  at::set_num_threads(1);
  setenv("OMP_NUM_THREADS", "1", 1);
  EXPECT_EQ(use_all_threads(), 1);
  EXPECT_EQ(at::get_num_threads(), 1);
  unsetenv("OMP_NUM_THREADS");
}

}  // namespace
}  // namespace pare::training
