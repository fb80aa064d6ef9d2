// The checks themselves: the reference passes them, and a kernel with a subtle fault does not.

#include "backends/conformance/checks.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backends/reference/backend.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

namespace pare::backends::conformance {
namespace {

// Whether the check raises failures, which are kept from this test.
bool is_refused(void (*check)(const KernelTable<float>&), const KernelTable<float>& table) {
  ::testing::TestPartResultArray failures;
  {
    ::testing::ScopedFakeTestPartResultReporter reporter(&failures);
    check(table);
  }
  return failures.size() > 0;
}

TEST(Checks, TheReferencePasses) {
  check_fake_quantize_forward(reference_kernels<float>());
  check_fake_quantize_backward(reference_kernels<float>());
  check_min_max(reference_kernels<float>());
  check_abs_max(reference_kernels<float>());
  check_mean_variance(reference_kernels<float>());
  check_histogram(reference_kernels<float>());
  check_key_histogram(reference_kernels<float>());
  check_magnitude_mask(reference_kernels<float>());
  check_apply_mask(reference_kernels<float>());
  check_count_zeros(reference_kernels<float>());
  check_count_above(reference_kernels<float>());
  check_rb_mask_forward(reference_kernels<float>());
  check_rb_mask_backward(reference_kernels<float>());
  check_n_of_m_mask(reference_kernels<float>());
  check_binarize_weights(reference_kernels<float>());
  check_binarize_activations_forward(reference_kernels<float>());
  check_binarize_activations_backward(reference_kernels<float>());
  check_filter_norms(reference_kernels<float>());
  check_pairwise_distances(reference_kernels<float>());
  check_quantize_to_codes(reference_kernels<float>());
  check_dequantize_codes(reference_kernels<float>());
  check_quantize_groups(reference_kernels<float>());
  check_dequantize_groups(reference_kernels<float>());
}

TEST(Checks, ATableWithoutKernelsIsNotChecked) {
  check_fake_quantize_forward(KernelTable<float>{});
  check_fake_quantize_backward(KernelTable<float>{});
  check_min_max(KernelTable<float>{});
  check_abs_max(KernelTable<float>{});
  check_mean_variance(KernelTable<float>{});
  check_histogram(KernelTable<float>{});
  check_key_histogram(KernelTable<float>{});
  check_magnitude_mask(KernelTable<float>{});
  check_apply_mask(KernelTable<float>{});
  check_count_zeros(KernelTable<float>{});
  check_count_above(KernelTable<float>{});
  check_rb_mask_forward(KernelTable<float>{});
  check_rb_mask_backward(KernelTable<float>{});
  check_n_of_m_mask(KernelTable<float>{});
  check_binarize_weights(KernelTable<float>{});
  check_binarize_activations_forward(KernelTable<float>{});
  check_binarize_activations_backward(KernelTable<float>{});
  check_filter_norms(KernelTable<float>{});
  check_pairwise_distances(KernelTable<float>{});
  check_quantize_to_codes(KernelTable<float>{});
  check_dequantize_codes(KernelTable<float>{});
  check_quantize_groups(KernelTable<float>{});
  check_dequantize_groups(KernelTable<float>{});
}

absl::Status rounding_halves_away_from_zero(const Execution&, const Layout& layout, const float* x,
                                            const QuantizationGrid& grid, float* y) {
  for (int64_t i = 0; i < layout.size(); ++i) {
    const int64_t c = i / layout.inner % layout.channels;
    const float level = std::round(x[i] * grid.inverse_step[c]);
    y[i] = (level < grid.lowest[c]    ? grid.lowest[c]
            : level > grid.highest[c] ? grid.highest[c]
                                      : level) *
               grid.step[c] +
           0.0f;
  }
  return absl::OkStatus();
}

TEST(Checks, AWrongTieIsFound) {
  EXPECT_TRUE(
      is_refused(check_fake_quantize_forward<float>, {.fake_quantize_forward = rounding_halves_away_from_zero}));
}

absl::Status forgetting_the_last_number(const Execution& execution, const Layout& layout, const float* x,
                                        float* abs_max) {
  Layout shorter = layout;
  if (layout.channels == 1 && layout.outer == 1 && layout.inner > 1) --shorter.inner;
  return reference_kernels<float>().abs_max(execution, shorter, x, abs_max);
}

TEST(Checks, AForgottenTailIsFound) {
  EXPECT_TRUE(is_refused(check_abs_max<float>, {.abs_max = forgetting_the_last_number}));
}

absl::Status forgetting_the_last_error(const Execution& execution, const Layout& layout, const float* x,
                                       const QuantizationGrid& grid, const int32_t* zero_point, uint8_t* codes,
                                       float* squared_error) {
  const absl::Status status =
      reference_kernels<float>().quantize_to_codes(execution, layout, x, grid, zero_point, codes, squared_error);
  if (squared_error == nullptr || layout.size() == 0) return status;
  const float step = grid.step[0], last = x[layout.inner - 1];
  if (last < step * grid.highest[0] && last > step * grid.lowest[0]) {
    const float difference = step * std::nearbyint(last * grid.inverse_step[0]) - last;
    squared_error[0] -= difference * difference;
  }
  return status;
}

TEST(Checks, AForgottenErrorIsFound) {
  EXPECT_TRUE(is_refused(check_quantize_to_codes<float>, {.quantize_to_codes = forgetting_the_last_error}));
}

absl::Status leaving_the_last_half_byte(const Execution& execution, const GroupedLayout& layout, WeightFormat format,
                                        const float* x, uint8_t* codes, float* scales, uint8_t* zero_points,
                                        float* squared_error) {
  const absl::Status status = reference_kernels<float>().quantize_groups(execution, layout, format, x, codes, scales,
                                                                         zero_points, squared_error);
  if (bits_per_code(format) == 4 && layout.columns % 2 != 0 && layout.rows > 0) codes[layout.columns / 2] |= 0x10;
  return status;
}

TEST(Checks, AnOddRowsLastBitsAreLookedAt) {
  EXPECT_TRUE(is_refused(check_quantize_groups<float>, {.quantize_groups = leaving_the_last_half_byte}));
}

absl::Status by_the_difference_of_sums(const Execution&, const Layout& layout, const float* x, float* mean,
                                       float* variance) {
  std::vector<float> sums(layout.channels), squares(layout.channels);
  for (int64_t i = 0; i < layout.size(); ++i) {
    const int64_t c = i / layout.inner % layout.channels;
    sums[c] += x[i];
    squares[c] += x[i] * x[i];
  }
  const auto size = static_cast<float>(layout.outer * layout.inner);
  for (int64_t c = 0; c < layout.channels; ++c) {
    mean[c] = sums[c] / size;
    variance[c] = squares[c] / size - mean[c] * mean[c];
  }
  return absl::OkStatus();
}

TEST(Checks, ACancelledVarianceIsFound) {
  EXPECT_TRUE(is_refused(check_mean_variance<float>, {.mean_variance = by_the_difference_of_sums}));
}

// -0 below 0, as its bits are.
absl::Status with_two_zeros(const Execution&, const Layout& layout, const float* x, const SelectionKeys& keys,
                            const KeyBins& bins, int64_t* counts) {
  for (int64_t i = 0; i < layout.size(); ++i) {
    const int64_t c = i / layout.inner % layout.channels;
    const float number = selected_number(keys, c, x[i]);
    const uint32_t key = selection_key(number) - (number == 0 && std::signbit(number) ? 1 : 0);
    const int64_t bin = (key - bins.low[c]) >> bins.shift;
    ++counts[c * bins.counts() + (key < bins.low[c] ? 0 : bin < bins.bins ? 1 + bin : bins.bins + 1)];
  }
  return absl::OkStatus();
}

TEST(Checks, ASecondZeroIsFound) {
  EXPECT_TRUE(is_refused(check_key_histogram<float>, {.key_histogram = with_two_zeros}));
}

absl::Status removing_only_below_the_threshold(const Execution&, const Layout& layout, const float* x,
                                               const float* scale, float threshold, uint8_t* mask, float* y) {
  for (int64_t i = 0; i < layout.size(); ++i) {
    const float factor = scale == nullptr ? 1.0f : scale[i / layout.inner % layout.channels];
    const bool is_removed = std::fabs(x[i]) * factor < threshold;
    if (mask != nullptr) mask[i] = !is_removed;
    if (y != nullptr) y[i] = is_removed ? 0.0f : x[i];
  }
  return absl::OkStatus();
}

absl::Status drawing_anew_for_every_piece(const Execution& execution, int64_t size, const float* w, const float* logits,
                                          const RandomStream* random, uint8_t* mask, float* y) {
  constexpr int64_t kPiece = 256;
  for (int64_t first = 0; first < size; first += kPiece) {
    const absl::Status status = reference_kernels<float>().rb_mask_forward(
        execution, std::min(kPiece, size - first), w == nullptr ? nullptr : w + first, logits + first, random,
        mask == nullptr ? nullptr : mask + first, y == nullptr ? nullptr : y + first);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST(Checks, AMaskThatIsWrongAtTheThresholdIsFound) {
  EXPECT_TRUE(is_refused(check_magnitude_mask<float>, {.magnitude_mask = removing_only_below_the_threshold}));
}

TEST(Checks, ARandomMaskThatDependsOnHowWorkIsCutIsFound) {
  EXPECT_TRUE(is_refused(check_rb_mask_forward<float>, {.rb_mask_forward = drawing_anew_for_every_piece}));
}

}  // namespace
}  // namespace pare::backends::conformance
