#include <cstdint>
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
void check_histogram(const KernelTable<T>& tested) {
  if (tested.histogram == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    for (const int64_t bins : {1, 17, 2048}) {
      std::vector<float> low(c.layout.channels), high(low), inverse_width(low);
      for (size_t channel = 0; channel < low.size(); ++channel) {
        // Leaves some numbers out at both ends; every fifth range is empty.
        low[channel] = 0.75f * c.step[channel] * c.lowest[channel];
        high[channel] = channel % 5 == 4 ? low[channel] : 0.75f * c.step[channel] * c.highest[channel];
        const float width = high[channel] - low[channel];
        inverse_width[channel] = width > 0 ? static_cast<float>(bins) / width : 0.0f;
      }
      const HistogramBins range{low.data(), high.data(), inverse_width.data(), bins};
      std::vector<int64_t> expected(c.layout.channels * range.counts(), 3), actual = expected;
      ASSERT_TRUE(reference_kernels<T>().histogram({}, c.layout, x.data(), range, expected.data()).ok());
      ASSERT_TRUE(tested.histogram(execution, c.layout, x.data(), range, actual.data()).ok());
      ASSERT_EQ(actual, expected) << bins << " bins";
    }
  });
}

template void check_min_max(const KernelTable<float>&);
template void check_abs_max(const KernelTable<float>&);
template void check_histogram(const KernelTable<float>&);

}  // namespace pare::backends::conformance
