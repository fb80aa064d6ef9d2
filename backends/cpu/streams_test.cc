// Outputs of 32 MiB and more go past the caches if their place allows it and is no input's: the results are the
// reference's all the same, for both types of stores.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "backends/kernel_backend.h"
#include "backends/reference/backend.h"
#include "backends/weight_format.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

// Neither a multiple of a vector nor of what a thread takes.
constexpr int64_t kSize = (int64_t{8} << 20) + 70'003;

// `size` numbers from an address on that is `offset` numbers behind one that can be streamed to.
template <typename T>
struct Room {
  Room(int64_t size, int64_t offset) : size(size), memory(size + offset + 64 / sizeof(T)) {
    const int64_t rest = reinterpret_cast<uintptr_t>(memory.data()) % 64;
    data = memory.data() + (64 - rest) % 64 / sizeof(T) + offset;
  }
  const int64_t size;
  std::vector<T> memory;
  T* data;
};

template <typename T>
std::vector<T> random_numbers(int64_t size) {
  std::mt19937 random(7);
  std::vector<T> result(size);
  for (T& number : result) number = from_float<T>(static_cast<float>(random() % 65536) / 16384 - 2);
  return result;
}

std::vector<uint8_t> random_bytes(int64_t size) {
  std::mt19937 random(8);
  std::vector<uint8_t> result(size);
  for (uint8_t& byte : result) byte = random() % 3;
  return result;
}

// run(kernels, y) with the reference, and on every target at a place that can be streamed to and at one that cannot.
template <typename T>
void expect_as_the_reference(int64_t size, const std::function<absl::Status(const KernelTable<T>&, T*)>& run) {
  std::vector<T> expected(size);
  ASSERT_TRUE(run(reference_kernels<T>(), expected.data()).ok());
  for_each_target([&] {
    for (const int64_t offset : {0, 1}) {
      Room<T> y(size, offset);
      ASSERT_TRUE(run(cpu_kernels<T>(), y.data).ok());
      EXPECT_EQ(std::memcmp(y.data, expected.data(), size * sizeof(T)), 0) << offset;
    }
  });
}

// As well with y in the input's place.
template <typename T>
void expect_as_the_reference_in_place(const std::vector<T>& x,
                                      const std::function<absl::Status(const KernelTable<T>&, const T* x, T* y)>& run) {
  const int64_t size = x.size();
  expect_as_the_reference<T>(size, [&](const KernelTable<T>& kernels, T* y) { return run(kernels, x.data(), y); });
  std::vector<T> expected(size);
  ASSERT_TRUE(run(reference_kernels<T>(), x.data(), expected.data()).ok());
  for_each_target([&] {
    Room<T> y(size, 0);
    std::copy(x.begin(), x.end(), y.data);
    ASSERT_TRUE(run(cpu_kernels<T>(), y.data, y.data).ok());
    EXPECT_EQ(std::memcmp(y.data, expected.data(), size * sizeof(T)), 0);
  });
}

template <typename T>
void check_masks(int64_t size) {
  const std::vector<T> x = random_numbers<T>(size);
  const std::vector<uint8_t> mask = random_bytes(size);
  expect_as_the_reference_in_place<T>(x, [&](const KernelTable<T>& kernels, const T* from, T* y) {
    return kernels.apply_mask({}, size, from, mask.data(), y);
  });
  expect_as_the_reference_in_place<T>(x, [&](const KernelTable<T>& kernels, const T* from, T* y) {
    return kernels.magnitude_mask({}, Layout::per_tensor(size), from, nullptr, 0.5f, nullptr, y);
  });
  const std::vector<float> scales = {1, 2, 0.5};
  const Layout layout{1, 3, size / 3};
  expect_as_the_reference<T>(layout.size(), [&](const KernelTable<T>& kernels, T* y) {
    return kernels.magnitude_mask({}, layout, x.data(), scales.data(), 0.5f, nullptr, y);
  });
}

TEST(CpuStreams, Masks) { check_masks<float>(kSize); }
TEST(CpuStreams, MasksOfHalves) { check_masks<BFloat16>(2 * kSize); }

TEST(CpuStreams, RbMasks) {
  const std::vector<float> w = random_numbers<float>(kSize);
  std::vector<float> logits = w;
  std::reverse(logits.begin(), logits.end());
  const std::vector<uint8_t> mask = random_bytes(kSize);
  const RandomStream random{1, 2};
  expect_as_the_reference_in_place<float>(w, [&](const KernelTable<float>& kernels, const float* from, float* y) {
    return kernels.rb_mask_forward({}, kSize, from, logits.data(), &random, nullptr, y);
  });
  expect_as_the_reference_in_place<float>(w, [&](const KernelTable<float>& kernels, const float* dy, float* dw) {
    return kernels.rb_mask_backward({}, kSize, dy, logits.data(), mask.data(), dw, nullptr);
  });
  expect_as_the_reference<float>(kSize, [&](const KernelTable<float>& kernels, float* d_logits) {
    return kernels.rb_mask_backward({}, kSize, w.data(), logits.data(), mask.data(), nullptr, d_logits);
  });
}

TEST(CpuStreams, Codes) {
  // Channels that start at any place, and one that starts where a stream may.
  for (const Layout& layout : {Layout{1, 1, kSize}, {3, 2, 1'400'001}}) {
    const std::vector<float> step(layout.channels, 0.25f);
    const std::vector<int32_t> zero_point(layout.channels, 3);
    const std::vector<uint8_t> codes = random_bytes(layout.size());
    expect_as_the_reference<float>(layout.size(), [&](const KernelTable<float>& kernels, float* y) {
      return kernels.dequantize_codes({}, layout, codes.data(), false, step.data(), zero_point.data(), y);
    });
  }
}

TEST(CpuStreams, Groups) {
  for (const GroupedLayout& layout : {GroupedLayout{1025, 8192, 64}, {1027, 8199, 32}}) {
    for (const WeightFormat format : {WeightFormat::kInt4Symmetric, WeightFormat::kFp8E4M3}) {
      const std::vector<uint8_t> codes = random_bytes(layout.rows * row_bytes(format, layout));
      const std::vector<float> scales(layout.rows * layout.groups(), 0.5f);
      expect_as_the_reference<float>(layout.size(), [&](const KernelTable<float>& kernels, float* y) {
        return kernels.dequantize_groups({}, layout, format, codes.data(), scales.data(), nullptr, y);
      });
    }
  }
}

}  // namespace
}  // namespace pare::backends
