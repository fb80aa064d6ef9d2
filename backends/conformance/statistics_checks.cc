#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/conformance/comparisons.h"
#include "backends/reference/backend.h"

namespace pare::backends::conformance {

template <typename T>
void check_min_max(const KernelTable<T>& tested) {
  if (tested.min_max == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    std::vector<float> expected_min = output<float>(c.layout.channels), expected_max = expected_min, min = expected_min,
                       max = expected_min;
    ASSERT_TRUE(reference_kernels<T>().min_max({}, c.layout, x.data(), expected_min.data(), expected_max.data()).ok());
    ASSERT_TRUE(tested.min_max(execution, c.layout, x.data(), min.data(), max.data()).ok());
    expect_identical(min, expected_min, "min", tested.flushes_denormals);
    expect_identical(max, expected_max, "max", tested.flushes_denormals);
  });
}

template <typename T>
void check_abs_max(const KernelTable<T>& tested) {
  if (tested.abs_max == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    std::vector<float> expected = output<float>(c.layout.channels), actual = expected;
    ASSERT_TRUE(reference_kernels<T>().abs_max({}, c.layout, x.data(), expected.data()).ok());
    ASSERT_TRUE(tested.abs_max(execution, c.layout, x.data(), actual.data()).ok());
    expect_identical(actual, expected, "abs_max", tested.flushes_denormals);
  });
}

template <typename T>
void check_mean_variance(const KernelTable<T>& tested) {
  if (tested.mean_variance == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    const int64_t channels = c.layout.channels, size = c.layout.outer * c.layout.inner;
    std::vector<float> expected_mean = output<float>(channels), expected_variance = expected_mean, mean = expected_mean,
                       variance = expected_mean, again = expected_mean, variance_again = expected_mean;
    const KernelTable<T>& reference = reference_kernels<T>();
    ASSERT_TRUE(reference.mean_variance({}, c.layout, x.data(), expected_mean.data(), expected_variance.data()).ok());
    ASSERT_TRUE(tested.mean_variance(execution, c.layout, x.data(), mean.data(), variance.data()).ok());
    std::vector<double> magnitudes(channels), greatest(channels);
    for (int64_t i = 0; i < c.layout.size(); ++i) {
      const int64_t channel = i / c.layout.inner % channels;
      const double magnitude = std::isnan(c.x[i]) ? INFINITY : std::fabs(c.x[i]);
      magnitudes[channel] += magnitude / static_cast<double>(size);
      greatest[channel] = std::max(greatest[channel], magnitude);
    }
    std::vector<double> mean_tolerance(channels), variance_tolerance(channels);
    for (int64_t channel = 0; channel < channels; ++channel) {
      // What the kernels may not know, they have to say that they do not.
      if (greatest[channel] > 0x1p110) {
        ASSERT_FALSE(std::isinf(greatest[channel]) && std::isfinite(mean[channel])) << channel;
        mean[channel] = expected_mean[channel];
      }
      if (greatest[channel] > 0x1p60) {
        ASSERT_FALSE(std::isinf(greatest[channel]) && std::isfinite(variance[channel])) << channel;
        variance[channel] = expected_variance[channel];
      }
      mean_tolerance[channel] = kSumTolerance * magnitudes[channel];
      variance_tolerance[channel] =
          kSumTolerance *
          (expected_variance[channel] + kSumTolerance * double{expected_mean[channel]} * expected_mean[channel]);
    }
    expect_near(mean, expected_mean, mean_tolerance, "mean", tested.flushes_denormals);
    expect_near(variance, expected_variance, variance_tolerance, "variance", tested.flushes_denormals);

    // The same however the work is divided.
    ASSERT_TRUE(tested.mean_variance(execution, c.layout, x.data(), mean.data(), variance.data()).ok());
    ASSERT_TRUE(tested.mean_variance({}, c.layout, x.data(), again.data(), variance_again.data()).ok());
    expect_identical(again, mean, "mean, in one piece", tested.flushes_denormals);
    expect_identical(variance_again, variance, "variance, in one piece", tested.flushes_denormals);
  });
}

template <typename T>
void check_histogram(const KernelTable<T>& tested) {
  if (tested.histogram == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    for (const int64_t bins : {1, 17, 2048}) {
      std::vector<float> low(c.layout.channels), high(low), width(low), inverse_width(low);
      for (size_t channel = 0; channel < low.size(); ++channel) {
        // Leaves some numbers out at both ends; every fifth range is empty.
        low[channel] = 0.75f * c.step[channel] * c.lowest[channel];
        high[channel] = channel % 5 == 4 ? low[channel] : 0.75f * c.step[channel] * c.highest[channel];
        width[channel] = (high[channel] - low[channel]) / static_cast<float>(bins);
        inverse_width[channel] = width[channel] > 0 ? 1.0f / width[channel] : 0.0f;
        const float of_channel[] = {low[channel], high[channel], width[channel], inverse_width[channel]};
        if (tested.flushes_denormals && std::any_of(std::begin(of_channel), std::end(of_channel), is_denormal)) {
          low[channel] = high[channel] = width[channel] = inverse_width[channel] = 0.0f;  // an empty range
        }
      }
      const HistogramBins range{low.data(), high.data(), width.data(), inverse_width.data(), bins};
      std::vector<int64_t> expected(c.layout.channels * range.counts(), 3), actual = expected;
      ASSERT_TRUE(reference_kernels<T>().histogram({}, c.layout, x.data(), range, expected.data()).ok());
      ASSERT_TRUE(tested.histogram(execution, c.layout, x.data(), range, actual.data()).ok());
      ASSERT_EQ(actual, expected) << bins << " bins";
    }
  });
}

template <typename T>
void check_key_histogram(const KernelTable<T>& tested) {
  if (tested.key_histogram == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    const auto channels = static_cast<size_t>(c.layout.channels);
    // Distances from a place in the channel's range, and scales: normal numbers, so that nothing is flushed but x.
    std::vector<float> center(channels), scale(channels);
    std::vector<uint32_t> whole(channels, 0), narrow(channels);
    for (size_t channel = 0; channel < channels; ++channel) {
      center[channel] = 0.25f * c.step[channel] * c.highest[channel];
      scale[channel] = 0.5f + static_cast<float>(channel % 7);
      // Some start above most numbers, and those of the last kind end with the keys.
      narrow[channel] = channel % 3 == 2 ? kNanKey - 100 : selection_key(c.step[channel] * (channel % 3 == 1 ? 9 : -1));
    }
    const SelectionKeys all_keys[] = {{},
                                      {.magnitude = true},
                                      {.magnitude = true, .center = center.data()},
                                      {.magnitude = true, .scale = scale.data()},
                                      {.magnitude = true, .center = center.data(), .scale = scale.data()}};
    const KeyBins all_bins[] = {
        {whole.data(), 16, 1 << 16}, {whole.data(), 21, 2048}, {narrow.data(), 14, 300}, {narrow.data(), 0, 1}};
    for (const SelectionKeys& keys : all_keys) {
      for (const KeyBins& bins : all_bins) {
        // How numbers are ordered and how keys are counted go together; many counts take long to compare.
        if (keys.magnitude && bins.bins != 300) continue;
        if (bins.bins > 2048 && c.layout.channels > 3) continue;
        std::vector<int64_t> expected(c.layout.channels * bins.counts(), 3), actual = expected;
        ASSERT_TRUE(reference_kernels<T>().key_histogram({}, c.layout, x.data(), keys, bins, expected.data()).ok());
        ASSERT_TRUE(tested.key_histogram(execution, c.layout, x.data(), keys, bins, actual.data()).ok());
        ASSERT_EQ(actual, expected) << bins.bins << " bins of 2^" << bins.shift << " keys, magnitude " << keys.magnitude
                                    << ", center " << (keys.center != nullptr) << ", scale " << (keys.scale != nullptr);
      }
    }
  });
}

#define PARE_INSTANTIATE(T)                                 \
  template void check_min_max(const KernelTable<T>&);       \
  template void check_abs_max(const KernelTable<T>&);       \
  template void check_mean_variance(const KernelTable<T>&); \
  template void check_histogram(const KernelTable<T>&);     \
  template void check_key_histogram(const KernelTable<T>&);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::conformance
