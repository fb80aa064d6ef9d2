// The vectorized kernels against the reference, with every instruction set that the machine has.

#include <cstring>
#include <random>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuFilters, NormsOnEveryTarget) {
  for_each_target([] {
    conformance::check_filter_norms(cpu_kernels<float>());
    conformance::check_filter_norms(cpu_kernels<Half>());
    conformance::check_filter_norms(cpu_kernels<BFloat16>());
  });
}

TEST(CpuFilters, DistancesOnEveryTarget) {
  for_each_target([] {
    conformance::check_pairwise_distances(cpu_kernels<float>());
    conformance::check_pairwise_distances(cpu_kernels<Half>());
    conformance::check_pairwise_distances(cpu_kernels<BFloat16>());
  });
}

// Which filters are pruned does not hang on the width of the machine's vectors. The layouts are several tiles of
// channels, and several chunks of a sum.
TEST(CpuFilters, ResultsAreTheSameOnEveryTarget) {
  for (const Layout& layout : {Layout{1, 70, 300}, {3, 40, 75}, {9, 35, 33}, {2000, 37, 1}}) {
    std::mt19937 random(7);
    std::vector<float> x(layout.size());
    for (float& number : x) number = static_cast<float>(random() % 65536) / 32768 - 1;
    std::vector<float> first;
    for_each_target([&] {
      std::vector<float> results((layout.channels + 2) * layout.channels);
      float* const l1 = results.data();
      float* const l2 = l1 + layout.channels;
      ASSERT_TRUE(cpu_kernels<float>().filter_norms({}, layout, x.data(), l1, l2).ok());
      ASSERT_TRUE(cpu_kernels<float>().pairwise_distances({}, layout, x.data(), l2 + layout.channels).ok());
      if (first.empty()) first = results;
      EXPECT_EQ(std::memcmp(results.data(), first.data(), results.size() * sizeof(float)), 0) << layout.channels;
    });
  }
}

}  // namespace
}  // namespace pare::backends
