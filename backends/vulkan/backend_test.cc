#include "backends/vulkan/backend.h"

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <tuple>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/reference/backend.h"
#include "backends/registry.h"
#include "backends/vulkan/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

TEST(VulkanRegistration, LinkingIsEnough) {
  ASSERT_TRUE(find_backend("vulkan").ok()) << find_backend("vulkan").status();
  const KernelBackend& backend = **find_backend("vulkan");
  EXPECT_EQ(backend.float32(DeviceKind::kCuda), nullptr);
  const KernelTable<float>* const expected = selected_device().ok() ? &vulkan_kernels<float>() : nullptr;
  EXPECT_EQ(backend.float32(DeviceKind::kCpu), expected);
  EXPECT_EQ(backend.float32(DeviceKind::kVulkan), expected);
}

TEST(VulkanRegistration, DescribesTheSelectedDevice) {
  const auto devices = (*find_backend("vulkan"))->devices();
  if (!devices.ok()) GTEST_SKIP() << "no Vulkan device: " << devices.status();
  const absl::StatusOr<size_t> index = selected_index();
  ASSERT_TRUE(index.ok()) << index.status();
  const absl::StatusOr<Device*> opened = selected_device();
  if (opened.ok()) {
    EXPECT_EQ((*opened)->properties().index, *index);
  }
  for (size_t i = 0; i < devices->size(); ++i) EXPECT_EQ((*devices)[i].is_selected, i == *index) << i;
}

class MemoryTest : public VulkanTest {};

// As after select_device(): the memory of the device before it is still of use, and is freed.
TEST_F(MemoryTest, MayBeOfADeviceThatIsNotSelected) {
  DeviceMemory* const memory = *(*find_backend("vulkan"))->memory();
  reopen({});
  const MemoryStatistics before = device_->statistics().memory;
  const std::vector<float> numbers = {1, 2, 3};
  std::vector<float> back(3);
  void* const x = allocate<float>(3);
  EXPECT_EQ(memory->copy_from_host(x, numbers.data(), 12), absl::OkStatus());
  EXPECT_EQ(memory->copy_to_host(back.data(), x, 12), absl::OkStatus());
  EXPECT_EQ(back, numbers);
  memory->free(x);
  EXPECT_EQ(device_->statistics().memory.allocations, before.allocations);
}

class FakeQuantizeTest : public VulkanTest {};

// Tensors larger than what the device can bind, on the device and on the host, with and without memory of its own.
TEST_F(FakeQuantizeTest, InPiecesIsTheReference) {
  for (const bool unified : {true, false}) {
    DeviceOptions options;
    options.adjust_plan = [&](DevicePlan& plan) {
      plan.buffer_range = 8192;
      plan.unified_memory = plan.unified_memory && unified;
      plan.host_import = plan.host_import && unified;
      plan.loop_groups = 2;
    };
    reopen(options);
    for (const Layout& layout : {Layout{1, 1, 10'001}, Layout{3, 7, 1000}, Layout{3, 5, 1001}, Layout{4001, 6, 1}}) {
      std::vector<float> x(layout.size()), expected(layout.size());
      for (size_t i = 0; i < x.size(); ++i) x[i] = 0.37f * (static_cast<int>(i * 7919 % 1009) - 500);
      std::vector<float> step(layout.channels), inverse_step(step), lowest(step), highest(step);
      for (int64_t c = 0; c < layout.channels; ++c) {
        step[c] = 0.25f + c;
        inverse_step[c] = 1.0f / step[c];
        lowest[c] = -100.0f + c;
        highest[c] = 90.0f + c;
      }
      ASSERT_EQ(
          reference_kernels<float>().fake_quantize_forward(
              {}, layout, x.data(), {step.data(), inverse_step.data(), lowest.data(), highest.data()}, expected.data()),
          absl::OkStatus());
      float* const on_device = to_device(x);
      // One array for all four, as a caller may keep them: none but the first is where a binding may begin.
      std::vector<float> parameters;
      for (const auto* part : {&step, &inverse_step, &lowest, &highest}) {
        parameters.insert(parameters.end(), part->begin(), part->end());
      }
      float* const first = to_device(parameters);
      const QuantizationGrid grid{first, first + layout.channels, first + 2 * layout.channels,
                                  first + 3 * layout.channels};
      ASSERT_EQ(vulkan_kernels<float>().fake_quantize_forward({}, layout, on_device, grid, on_device),
                absl::OkStatus());
      EXPECT_EQ(to_host(on_device, x.size()), expected) << "inner " << layout.inner << ", unified " << unified;
      // The host's tensor with the device's parameters.
      ASSERT_EQ(vulkan_kernels<float>().fake_quantize_forward({}, layout, x.data(), grid, x.data()), absl::OkStatus());
      EXPECT_EQ(x, expected) << "inner " << layout.inner << ", unified " << unified;
      EXPECT_EQ(device_->free(on_device), absl::OkStatus());
      EXPECT_EQ(device_->free(first), absl::OkStatus());
    }
  }
}

// Kernels whose pieces look at more than their own elements, on tensors of the device larger than what it can bind.
class PiecesTest : public VulkanTest {
 protected:
  void SetUp() override {
    VulkanTest::SetUp();
    if (IsSkipped()) return;
    DeviceOptions options;
    options.adjust_plan = [](DevicePlan& plan) {
      plan.buffer_range = 32768;
      plan.loop_groups = 3;
    };
    reopen(options);
  }

  // Numbers without a pattern, of both signs, some of them equal.
  static std::vector<float> numbers(int64_t size) {
    std::vector<float> x(size);
    for (int64_t i = 0; i < size; ++i) x[i] = 0.03125f * (static_cast<int>(i * i % 1009 * 7919 % 997) - 498);
    return x;
  }

  // What `run` writes with the reference, and with Vulkan on the device.
  template <typename T, typename Run>
  void expect_reference(int64_t size, const Run& run, const char* what) {
    std::vector<T> expected(size);
    run(reference_kernels<float>(), expected.data());
    T* const result = allocate<T>(size);
    run(vulkan_kernels<float>(), result);
    EXPECT_EQ(to_host(result, size), expected) << what;
    free(result);
  }

  void free(void* pointer) { EXPECT_EQ(device_->free(pointer), absl::OkStatus()); }
};

TEST_F(PiecesTest, RandomMasksGoOnInTheNextPiece) {
  const std::vector<float> logits = numbers(30'001);
  float* const on_device = to_device(logits);
  const RandomStream stream{5, uint64_t{1} << 40};
  expect_reference<uint8_t>(
      logits.size(),
      [&](const KernelTable<float>& table, uint8_t* mask) {
        const float* const from = &table == &reference_kernels<float>() ? logits.data() : on_device;
        EXPECT_EQ(table.rb_mask_forward({}, logits.size(), nullptr, from, &stream, mask, nullptr), absl::OkStatus());
      },
      "mask");
  free(on_device);
}

TEST_F(PiecesTest, NOfMLooksBeyondThePiece) {
  for (const Layout& layout : {Layout{9, 7, 500}, Layout{3, 35, 301}, Layout{2003, 17, 1}, Layout{1, 1, 30'001}}) {
    const std::vector<float> x = numbers(layout.size());
    float* const on_device = to_device(x);
    expect_reference<uint8_t>(
        layout.size(),
        [&](const KernelTable<float>& table, uint8_t* mask) {
          const float* const from = &table == &reference_kernels<float>() ? x.data() : on_device;
          EXPECT_EQ(table.n_of_m_mask({}, layout, from, 2, 4, mask), absl::OkStatus());
        },
        "mask");
    free(on_device);
  }
}

// Groups of channels of which a binding holds some places only.
TEST_F(PiecesTest, NOfMOfChannelsThatCannotBeBoundTogether) {
  for (const auto& [layout, n, m] : {std::tuple{Layout{1, 4, 20'000}, 2, 4},
                                     {Layout{2, 6, 5'003}, 1, 4},
                                     {Layout{1, 3, 9'001}, 2, 3},
                                     {Layout{2, 9, 1'500}, 3, 8},
                                     {Layout{1, 1, 9}, 1, 4}}) {
    const std::vector<float> x = numbers(layout.size());
    float* const on_device = to_device(x);
    expect_reference<uint8_t>(
        layout.size(),
        [&](const KernelTable<float>& table, uint8_t* mask) {
          const float* const from = &table == &reference_kernels<float>() ? x.data() : on_device;
          EXPECT_EQ(table.n_of_m_mask({}, layout, from, n, m, mask), absl::OkStatus());
        },
        "mask");
    free(on_device);
  }
}

// What a binding has no room for even so.
TEST_F(PiecesTest, NOfMOfTooManyChannelsSaysSo) {
  const Layout layout{1, 32, 5'000};
  float* const x = to_device(numbers(layout.size()));
  auto* const mask = allocate<uint8_t>(layout.size());
  const absl::Status status = vulkan_kernels<float>().n_of_m_mask({}, layout, x, 2, 32, mask);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("groups of 32 channels"));
  free(x);
  free(mask);
}

TEST_F(PiecesTest, SquaredErrorsAreOfAllPieces) {
  for (const Layout& layout : {Layout{1, 1, 30'001}, Layout{3, 7, 1000}, Layout{3, 5, 3001}, Layout{4001, 6, 1}}) {
    const std::vector<float> x = numbers(layout.size());
    const std::vector<float> step(layout.channels, 0.25f), inverse_step(layout.channels, 4.0f);
    const std::vector<float> lowest(layout.channels, -60.0f), highest(layout.channels, 50.0f);
    const std::vector<int32_t> zero_point(layout.channels, 3);
    const QuantizationGrid grid{step.data(), inverse_step.data(), lowest.data(), highest.data()};
    const QuantizationGrid device_grid{to_device(step), to_device(inverse_step), to_device(lowest), to_device(highest)};
    const float* const device_x = to_device(x);
    const int32_t* const device_zero_point = to_device(zero_point);
    std::vector<float> expected(layout.channels);
    float* const error = allocate<float>(layout.channels);
    expect_reference<uint8_t>(
        layout.size(),
        [&](const KernelTable<float>& table, uint8_t* codes) {
          const bool is_reference = &table == &reference_kernels<float>();
          EXPECT_EQ(
              table.quantize_to_codes({}, layout, is_reference ? x.data() : device_x, is_reference ? grid : device_grid,
                                      is_reference ? zero_point.data() : device_zero_point, codes,
                                      is_reference ? expected.data() : error),
              absl::OkStatus());
        },
        "codes");
    const std::vector<float> actual = to_host(error, layout.channels);
    for (int64_t c = 0; c < layout.channels; ++c) {
      EXPECT_NEAR(actual[c], expected[c], expected[c] * kSumTolerance) << "channel " << c << ", inner " << layout.inner;
    }
    for (const void* pointer :
         std::initializer_list<const void*>{device_grid.step, device_grid.inverse_step, device_grid.lowest,
                                            device_grid.highest, device_x, device_zero_point, error}) {
      free(const_cast<void*>(pointer));
    }
  }
}

TEST_F(PiecesTest, GroupsOfWeightsAreWhole) {
  for (const WeightFormat format : {WeightFormat::kInt4Symmetric, WeightFormat::kInt4Asymmetric, WeightFormat::kNf4,
                                    WeightFormat::kFp8E4M3, WeightFormat::kMxfp4}) {
    for (const GroupedLayout& layout :
         {GroupedLayout{150, 256, 32}, GroupedLayout{301, 107, 33}, GroupedLayout{2, 17'001, 48},
          GroupedLayout{7, 2048, 128}, GroupedLayout{5, 5'000, 5'000}, GroupedLayout{3, 9'001, 3'001}}) {
      const bool has_zero_points = format == WeightFormat::kInt4Asymmetric;
      const int64_t groups = layout.rows * layout.groups(), bytes = layout.rows * row_bytes(format, layout);
      const std::vector<float> x = numbers(layout.size());
      std::vector<uint8_t> codes(bytes), zero_points(groups);
      std::vector<float> scales(groups), y(layout.size());
      ASSERT_EQ(reference_kernels<float>().quantize_groups({}, layout, format, x.data(), codes.data(), scales.data(),
                                                           has_zero_points ? zero_points.data() : nullptr, nullptr),
                absl::OkStatus());
      ASSERT_EQ(reference_kernels<float>().dequantize_groups({}, layout, format, codes.data(), scales.data(),
                                                             has_zero_points ? zero_points.data() : nullptr, y.data()),
                absl::OkStatus());
      float* const device_x = to_device(x);
      auto* const device_codes = allocate<uint8_t>(bytes);
      auto* const device_scales = allocate<float>(groups);
      auto* const device_zero_points = has_zero_points ? allocate<uint8_t>(groups) : nullptr;
      ASSERT_EQ(vulkan_kernels<float>().quantize_groups({}, layout, format, device_x, device_codes, device_scales,
                                                        device_zero_points, nullptr),
                absl::OkStatus());
      EXPECT_EQ(to_host(device_codes, bytes), codes) << "format " << static_cast<int>(format);
      EXPECT_EQ(to_host(device_scales, groups), scales) << "format " << static_cast<int>(format);
      if (has_zero_points) EXPECT_EQ(to_host(device_zero_points, groups), zero_points);
      ASSERT_EQ(vulkan_kernels<float>().dequantize_groups({}, layout, format, device_codes, device_scales,
                                                          device_zero_points, device_x),
                absl::OkStatus());
      EXPECT_EQ(to_host(device_x, x.size()), y) << "format " << static_cast<int>(format);
      for (void* pointer : std::initializer_list<void*>{device_x, device_codes, device_scales}) free(pointer);
      if (has_zero_points) free(device_zero_points);
    }
  }
}

// Few counts are made in 32 bits first, many at once in the caller's 64 bits: a word of theirs overflows in both.
TEST_F(PiecesTest, CountsGoOnAboveAWord) {
  for (const int64_t bins : {1, 2'000}) {
    const Layout layout{2, 3, 1'000};
    const std::vector<float> x = numbers(layout.size());
    const std::vector<float> low(3, -10.0f), high(3, 12.0f), width(3, 22.0f / bins), inverse_width(3, bins / 22.0f);
    const HistogramBins wanted{low.data(), high.data(), width.data(), inverse_width.data(), bins};
    std::vector<int64_t> expected(3 * wanted.counts(), 0xffffffff), actual = expected;
    ASSERT_EQ(reference_kernels<float>().histogram({}, layout, x.data(), wanted, expected.data()), absl::OkStatus());
    float* const on_device = to_device(x);
    ASSERT_EQ(vulkan_kernels<float>().histogram({}, layout, on_device, wanted, actual.data()), absl::OkStatus());
    EXPECT_EQ(actual, expected) << bins << " bins";
    free(on_device);
  }
}

// Numbers that 16 bits hold, with neighbours that differ.
template <typename T>
std::vector<T> some_numbers(int64_t size, int64_t factor) {
  std::vector<T> numbers(size);
  for (int64_t i = 0; i < size; ++i) {
    numbers[i] = from_float<T>(0.25f * static_cast<float>(i * factor % 61 - 30));
  }
  return numbers;
}

// All results of all reductions of a tensor, one after the other, integers as floats too. x says on which device.
template <typename T>
std::vector<float> reduce_in_all_ways(const KernelTable<T>& table, const Layout& layout, const T* x) {
  const std::vector<T> dy = some_numbers<T>(layout.size(), 3);
  const int64_t channels = layout.channels;
  std::vector<float> step(channels), inverse_step(step), lowest(step), highest(step), low(step), high(step),
      width(step), inverse_width(step);
  std::vector<uint32_t> low_key(channels);
  const int64_t bins = 17;
  for (int64_t c = 0; c < channels; ++c) {
    step[c] = 0.25f + static_cast<float>(c % 3);
    inverse_step[c] = 1.0f / step[c];
    lowest[c] = -8.0f;
    highest[c] = 7.0f;
    low[c] = -5.0f - static_cast<float>(c % 3);
    high[c] = 4.0f;
    width[c] = (high[c] - low[c]) / bins;
    inverse_width[c] = 1.0f / width[c];
    low_key[c] = selection_key(low[c]);
  }
  const QuantizationGrid grid{step.data(), inverse_step.data(), lowest.data(), highest.data()};
  const HistogramBins histogram_bins{low.data(), high.data(), width.data(), inverse_width.data(), bins};
  const KeyBins key_bins{low_key.data(), 22, 40};
  const float scale = 3.5f;

  std::vector<float> results;
  const auto keep = [&](const auto& values) {
    for (const auto value : values) results.push_back(static_cast<float>(value));
  };
  const auto expect_ok = [&](const absl::Status& status) { EXPECT_EQ(status, absl::OkStatus()); };
  std::vector<float> a(channels), b(channels), c(channels), distances(channels * channels);
  std::vector<int64_t> counts(channels), histogram(channels * histogram_bins.counts(), 3),
      keys(channels * key_bins.counts(), 5);
  std::vector<T> dx(layout.size());
  const FakeQuantizeSums quantizer_sums{a.data(), b.data(), c.data()};
  const BinarizationSums binarization_sums{a.data(), b.data(), c.data()};
  const auto keep_sums = [&] {
    for (const auto* sums : {&a, &b, &c}) keep(*sums);
    for (const T& number : dx) results.push_back(to_float(number));
  };
  expect_ok(table.fake_quantize_backward({}, layout, dy.data(), x, grid, dx.data(), &quantizer_sums));
  keep_sums();
  expect_ok(table.binarize_activations_backward({}, layout, dy.data(), x, &scale, step.data(), dx.data(),
                                                &binarization_sums));
  keep_sums();
  expect_ok(table.min_max({}, layout, x, a.data(), b.data()));
  expect_ok(table.abs_max({}, layout, x, c.data()));
  keep_sums();
  expect_ok(table.mean_variance({}, layout, x, a.data(), b.data()));
  keep_sums();
  expect_ok(table.filter_norms({}, layout, x, a.data(), b.data()));
  keep_sums();
  expect_ok(table.count_zeros({}, layout, x, counts.data()));
  keep(counts);
  expect_ok(table.count_above({}, layout, x, 2.0f, counts.data()));
  keep(counts);
  expect_ok(table.histogram({}, layout, x, histogram_bins, histogram.data()));
  keep(histogram);
  expect_ok(table.key_histogram({}, layout, x, {.magnitude = true, .scale = step.data()}, key_bins, keys.data()));
  keep(keys);
  // Of more channels they take long in small bindings.
  if (channels > 200) return results;
  expect_ok(table.pairwise_distances({}, layout, x, distances.data()));
  keep(distances);
  return results;
}

template <typename T>
void expect_reductions_of_the_reference(const Layout& layout, const T* on_device) {
  const std::vector<T> x = some_numbers<T>(layout.size(), 7919);
  const std::vector<float> expected = reduce_in_all_ways(reference_kernels<T>(), layout, x.data());
  const std::vector<float> actual = reduce_in_all_ways(vulkan_kernels<T>(), layout, on_device);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    // Far above what rounding does to sums of these numbers, far below one of them.
    ASSERT_NEAR(actual[i], expected[i], 1e-3 + 2e-5 * std::fabs(expected[i]))
        << "result " << i << " of [" << layout.outer << ", " << layout.channels << ", " << layout.inner << "]";
  }
}

// Small bindings, so that there are sections of every kind; with shuffles within subgroups, and without in workgroups
// of a GPU's size.
class SectionsTest : public VulkanTest {};

TEST_F(SectionsTest, InSectionsIsTheReference) {
  for (const bool subgroups : {true, false}) {
    DeviceOptions options;
    options.adjust_plan = [&](DevicePlan& plan) {
      plan.buffer_range = 8192;
      plan.subgroups = plan.subgroups && subgroups;
      if (!subgroups) plan.local_size = 256;
      plan.loop_groups = 3;
    };
    reopen(options);
    // Rows that fit, in groups and not; several channels of a row; parts of a run; one run; channels last, few and
    // so many that their values and distances do not fit.
    for (const Layout& layout : {Layout{40, 3, 20}, Layout{150, 3, 7}, Layout{3, 5, 700}, Layout{2, 2, 2501},
                                 Layout{1, 1, 7001}, Layout{900, 6, 1}, Layout{20, 130, 1}, Layout{2, 1100, 1}}) {
      float* const x = to_device(some_numbers<float>(layout.size(), 7919));
      expect_reductions_of_the_reference(layout, x);
      Half* const half = to_device(some_numbers<Half>(layout.size(), 7919));
      expect_reductions_of_the_reference(layout, half);
      EXPECT_EQ(device_->free(x), absl::OkStatus());
      EXPECT_EQ(device_->free(half), absl::OkStatus());
    }
  }
}

}  // namespace
}  // namespace pare::backends::vulkan
