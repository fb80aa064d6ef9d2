// The vectorized kernels against the reference, with every instruction set that the machine has.

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuFakeQuantize, ForwardOnEveryTarget) {
  for_each_target([] {
    conformance::check_fake_quantize_forward(cpu_kernels<float>());
    conformance::check_fake_quantize_forward(cpu_kernels<Half>());
    conformance::check_fake_quantize_forward(cpu_kernels<BFloat16>());
  });
}

TEST(CpuFakeQuantize, BackwardOnEveryTarget) {
  for_each_target([] {
    conformance::check_fake_quantize_backward(cpu_kernels<float>());
    conformance::check_fake_quantize_backward(cpu_kernels<Half>());
    conformance::check_fake_quantize_backward(cpu_kernels<BFloat16>());
  });
}

// The sums of numbers that look random, one after the other: inside, above and below of each channel.
std::vector<float> backward_sums(const Layout& layout) {
  std::mt19937 random(7);
  const auto numbers = [&](int64_t count, float reach) {
    std::vector<float> result;
    for (int64_t i = 0; i < count; ++i) {
      result.push_back((static_cast<float>(random() % 65536) / 32768 - 1) * reach);
    }
    return result;
  };
  const auto count = static_cast<size_t>(layout.channels);
  const std::vector<float> dy = numbers(layout.size(), 1), x = numbers(layout.size(), 2);
  const std::vector<float> step(count, 0.01f), inverse(count, 1 / 0.01f), lowest(count, -128), highest(count, 127);
  std::vector<float> sums(3 * count);
  const FakeQuantizeSums places{sums.data(), sums.data() + count, sums.data() + 2 * count};
  const QuantizationGrid grid{step.data(), inverse.data(), lowest.data(), highest.data()};
  EXPECT_TRUE(
      cpu_kernels<float>().fake_quantize_backward({}, layout, dy.data(), x.data(), grid, nullptr, &places).ok());
  return sums;
}

// Training is the same, bit for bit, whatever the width of the machine's vectors.
TEST(CpuFakeQuantize, SumsAreTheSameOnEveryTarget) {
  for (const Layout& layout : {Layout::per_tensor(100'003), {3, 5, 1037}, {2000, 37, 1}, {4, 16, 7}}) {
    std::vector<float> first;
    for_each_target([&] {
      const std::vector<float> sums = backward_sums(layout);
      if (first.empty()) first = sums;
      ASSERT_EQ(sums.size(), first.size());
      EXPECT_EQ(std::memcmp(sums.data(), first.data(), sums.size() * sizeof(float)), 0) << layout.channels;
    });
  }
}

// Room for `size` numbers from an address on that whole vectors may be streamed to.
float* aligned(std::vector<float>& memory, int64_t size) {
  memory.resize(size + 16);
  const uintptr_t offset = reinterpret_cast<uintptr_t>(memory.data()) % 64;
  return memory.data() + (64 - offset) % 64 / sizeof(float);
}

// An output of 32 MiB goes past the caches, but not one that takes an input's place.
TEST(CpuFakeQuantize, LargeOutputsAreTheSameInPlaceAndBesideIt) {
  for (const Layout& layout : {Layout{1, 1, 8'400'003}, {3, 2, 1'400'001}, {100'001, 21, 4}}) {
    const int64_t size = layout.size();
    const std::vector<float> step(layout.channels, 0.01f), inverse(layout.channels, 100.0f);
    const std::vector<float> lowest(layout.channels, -128.0f), highest(layout.channels, 127.0f);
    const QuantizationGrid grid{step.data(), inverse.data(), lowest.data(), highest.data()};
    std::vector<float> x_memory, beside_memory, in_place_memory;
    float *const x = aligned(x_memory, size), *const beside = aligned(beside_memory, size);
    float* const in_place = aligned(in_place_memory, size);
    std::mt19937 random(7);
    for (int64_t i = 0; i < size; ++i) x[i] = static_cast<float>(random() % 65536) / 16384 - 2;
    const size_t bytes = size * sizeof(float);
    const KernelTable<float>& kernels = cpu_kernels<float>();
    std::memcpy(in_place, x, bytes);
    ASSERT_TRUE(kernels.fake_quantize_forward({}, layout, x, grid, beside).ok());
    ASSERT_TRUE(kernels.fake_quantize_forward({}, layout, in_place, grid, in_place).ok());
    EXPECT_EQ(std::memcmp(beside, in_place, bytes), 0) << layout.inner;
    // x is the gradient too.
    std::memcpy(in_place, x, bytes);
    ASSERT_TRUE(kernels.fake_quantize_backward({}, layout, x, x, grid, beside, nullptr).ok());
    ASSERT_TRUE(kernels.fake_quantize_backward({}, layout, in_place, x, grid, in_place, nullptr).ok());
    EXPECT_EQ(std::memcmp(beside, in_place, bytes), 0) << layout.inner;
  }
}

}  // namespace
}  // namespace pare::backends
