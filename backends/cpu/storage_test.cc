// The vectorized kernels for stored weights against the reference, with every instruction set that the machine has.

#include <cstring>
#include <random>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuStorage, CodesOnEveryTarget) {
  for_each_target([] {
    conformance::check_quantize_to_codes(cpu_kernels<float>());
    conformance::check_quantize_to_codes(cpu_kernels<Half>());
    conformance::check_dequantize_codes(cpu_kernels<float>());
    conformance::check_dequantize_codes(cpu_kernels<BFloat16>());
  });
}

TEST(CpuStorage, GroupsOnEveryTarget) {
  for_each_target([] {
    conformance::check_quantize_groups(cpu_kernels<float>());
    conformance::check_quantize_groups(cpu_kernels<Half>());
    conformance::check_quantize_groups(cpu_kernels<BFloat16>());
    conformance::check_dequantize_groups(cpu_kernels<float>());
    conformance::check_dequantize_groups(cpu_kernels<Half>());
    conformance::check_dequantize_groups(cpu_kernels<BFloat16>());
  });
}

std::vector<float> random_numbers(int64_t count) {
  std::mt19937 random(7);
  std::vector<float> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(static_cast<float>(random() % 65536) / 32768 - 1);
  return result;
}

// Calls errors() on every target, and expects the same bits from all of them.
template <typename Errors>
void expect_same_on_every_target(const Errors& errors) {
  std::vector<float> first;
  for_each_target([&] {
    const std::vector<float> sums = errors();
    if (first.empty()) first = sums;
    ASSERT_EQ(sums.size(), first.size());
    EXPECT_EQ(std::memcmp(sums.data(), first.data(), sums.size() * sizeof(float)), 0);
  });
}

TEST(CpuStorage, SquaredErrorsOfCodesAreTheSameOnEveryTarget) {
  for (const Layout& layout : {Layout::per_tensor(100'003), {3, 5, 1037}, {2000, 37, 1}, {4, 16, 7}}) {
    const std::vector<float> x = random_numbers(layout.size());
    const std::vector<float> step(layout.channels, 0.01f), inverse(layout.channels, 1 / 0.01f),
        lowest(layout.channels, -64), highest(layout.channels, 63);
    const std::vector<int32_t> zero_point(layout.channels);
    expect_same_on_every_target([&] {
      std::vector<uint8_t> codes(layout.size());
      std::vector<float> errors(layout.channels);
      EXPECT_TRUE(cpu_kernels<float>()
                      .quantize_to_codes({}, layout, x.data(),
                                         {step.data(), inverse.data(), lowest.data(), highest.data()},
                                         zero_point.data(), codes.data(), errors.data())
                      .ok());
      return errors;
    });
  }
}

TEST(CpuStorage, SquaredErrorsOfGroupsAreTheSameOnEveryTarget) {
  for (const GroupedLayout& layout : {GroupedLayout{9, 333, 128}, {2, 9001, 5000}, {30, 100, 7}}) {
    const std::vector<float> x = random_numbers(layout.size());
    expect_same_on_every_target([&] {
      std::vector<uint8_t> codes(layout.size());
      std::vector<float> scales(layout.rows * layout.groups()), errors(scales);
      EXPECT_TRUE(cpu_kernels<float>()
                      .quantize_groups({}, layout, WeightFormat::kNf4, x.data(), codes.data(), scales.data(), nullptr,
                                       errors.data())
                      .ok());
      return errors;
    });
  }
}

}  // namespace
}  // namespace pare::backends
