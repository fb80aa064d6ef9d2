#include "backends/conformance/checks.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "backends/conformance/cases.h"
#include "backends/reference/backend.h"
#include "gtest/gtest.h"

namespace pare::backends::conformance {
namespace {

// Behind every output stand a few of these, which no kernel may touch.
constexpr float kSentinel = -12345.0f;
constexpr int64_t kGuard = 24;

std::vector<float> output(int64_t size) { return std::vector<float>(size + kGuard, kSentinel); }

bool identical(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

void expect_identical(const std::vector<float>& actual, const std::vector<float>& expected, const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_TRUE(identical(actual[i], expected[i]))
        << what << "[" << i << "] is " << actual[i] << " instead of " << expected[i]
        << (i + kGuard >= actual.size() ? ", behind the output's end" : "");
  }
}

// Calls check(case) for every case and check(case, execution) for every way to run it.
template <typename Check>
void for_each_run(const Check& check) {
  static const std::vector<Case> cases = all_cases();
  for (const Case& c : cases) {
    for (const Execution& execution : all_executions()) {
      SCOPED_TRACE(c.description);
      check(c, execution);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

struct Sums {
  explicit Sums(int64_t channels) : inside(output(channels)), above(inside), below(inside) {}
  FakeQuantizeSums pointers() { return {inside.data(), above.data(), below.data()}; }
  std::vector<float> inside, above, below;
};

// How far each sum may be off: kSumTolerance times the sum of the magnitudes of what is added.
struct Tolerances {
  explicit Tolerances(const Case& c, const std::vector<float>& y)
      : inside(c.layout.channels), outside(c.layout.channels) {
    for (int64_t i = 0; i < c.layout.size(); ++i) {
      const int64_t channel = i / c.layout.inner % c.layout.channels;
      const bool is_inside =
          c.x[i] >= c.step[channel] * c.lowest[channel] && c.x[i] <= c.step[channel] * c.highest[channel];
      if (is_inside) inside[channel] += kSumTolerance * std::fabs(double{c.dy[i]} * (y[i] - c.x[i]));
      if (!is_inside) outside[channel] += kSumTolerance * std::fabs(double{c.dy[i]});
    }
  }
  std::vector<double> inside, outside;
};

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected,
                 const std::vector<double>& tolerance, const char* what) {
  for (size_t channel = 0; channel < tolerance.size(); ++channel) {
    if (identical(actual[channel], expected[channel])) continue;
    // The least denormal: products below it may round to zero.
    ASSERT_NEAR(actual[channel], expected[channel], tolerance[channel] + 1e-42) << what << " of channel " << channel;
  }
  for (int64_t i = 0; i < kGuard; ++i) ASSERT_EQ(actual[tolerance.size() + i], kSentinel) << what;
}

}  // namespace

void check_fake_quantize_forward(const KernelTable<float>& tested) {
  if (tested.fake_quantize_forward == nullptr) return;
  for_each_run([&](const Case& c, const Execution& execution) {
    std::vector<float> expected = output(c.layout.size()), actual = expected;
    ASSERT_TRUE(reference_kernels().fake_quantize_forward({}, c.layout, c.x.data(), c.grid(), expected.data()).ok());
    ASSERT_TRUE(tested.fake_quantize_forward(execution, c.layout, c.x.data(), c.grid(), actual.data()).ok());
    expect_identical(actual, expected, "y");
    // In place.
    std::vector<float> in_place = output(c.layout.size());
    std::copy(c.x.begin(), c.x.end(), in_place.begin());
    ASSERT_TRUE(tested.fake_quantize_forward(execution, c.layout, in_place.data(), c.grid(), in_place.data()).ok());
    expect_identical(in_place, expected, "y in place of x");
  });
}

void check_fake_quantize_backward(const KernelTable<float>& tested) {
  if (tested.fake_quantize_backward == nullptr) return;
  const auto kernel = tested.fake_quantize_backward;
  for_each_run([&](const Case& c, const Execution& execution) {
    std::vector<float> expected = output(c.layout.size()), actual = expected, alone = expected;
    std::vector<float> y(c.layout.size());
    Sums expected_sums(c.layout.channels), sums(c.layout.channels), repeated(c.layout.channels);
    const FakeQuantizeSums expected_pointers = expected_sums.pointers(), pointers = sums.pointers(),
                           repeated_pointers = repeated.pointers();
    const KernelTable<float>& reference = reference_kernels();
    ASSERT_TRUE(reference
                    .fake_quantize_backward({}, c.layout, c.dy.data(), c.x.data(), c.grid(), expected.data(),
                                            &expected_pointers)
                    .ok());
    ASSERT_TRUE(reference.fake_quantize_forward({}, c.layout, c.x.data(), c.grid(), y.data()).ok());

    ASSERT_TRUE(kernel(execution, c.layout, c.dy.data(), c.x.data(), c.grid(), actual.data(), &pointers).ok());
    expect_identical(actual, expected, "dx");
    const Tolerances tolerances(c, y);
    expect_near(sums.inside, expected_sums.inside, tolerances.inside, "inside");
    expect_near(sums.above, expected_sums.above, tolerances.outside, "above");
    expect_near(sums.below, expected_sums.below, tolerances.outside, "below");

    // Each result alone is the same, however the work is divided.
    ASSERT_TRUE(kernel({}, c.layout, c.dy.data(), c.x.data(), c.grid(), nullptr, &repeated_pointers).ok());
    expect_identical(repeated.inside, sums.inside, "inside, without dx");
    expect_identical(repeated.above, sums.above, "above, without dx");
    expect_identical(repeated.below, sums.below, "below, without dx");
    ASSERT_TRUE(kernel(execution, c.layout, c.dy.data(), c.x.data(), c.grid(), alone.data(), nullptr).ok());
    expect_identical(alone, expected, "dx, without sums");
  });
}

void check_quantize_to_codes(const KernelTable<float>& tested) {
  if (tested.quantize_to_codes == nullptr) return;
  for_each_run([&](const Case& c, const Execution& execution) {
    std::vector<int32_t> zero_point(c.layout.channels);
    for (size_t channel = 0; channel < zero_point.size(); ++channel) {
      const auto lowest = static_cast<int32_t>(c.lowest[channel]);
      zero_point[channel] = lowest < -128 || channel % 2 == 0 ? -lowest : -128 - lowest;
    }
    std::vector<uint8_t> expected(c.layout.size() + kGuard, 77), actual = expected;
    ASSERT_TRUE(reference_kernels()
                    .quantize_to_codes({}, c.layout, c.x.data(), c.grid(), zero_point.data(), expected.data())
                    .ok());
    ASSERT_TRUE(
        tested.quantize_to_codes(execution, c.layout, c.x.data(), c.grid(), zero_point.data(), actual.data()).ok());
    ASSERT_EQ(actual, expected);
  });
}

void check_min_max(const KernelTable<float>& tested) {
  if (tested.min_max == nullptr) return;
  for_each_run([&](const Case& c, const Execution& execution) {
    std::vector<float> expected_min = output(c.layout.channels), expected_max = expected_min, min = expected_min,
                       max = expected_min;
    ASSERT_TRUE(reference_kernels().min_max({}, c.layout, c.x.data(), expected_min.data(), expected_max.data()).ok());
    ASSERT_TRUE(tested.min_max(execution, c.layout, c.x.data(), min.data(), max.data()).ok());
    expect_identical(min, expected_min, "min");
    expect_identical(max, expected_max, "max");
  });
}

void check_abs_max(const KernelTable<float>& tested) {
  if (tested.abs_max == nullptr) return;
  for_each_run([&](const Case& c, const Execution& execution) {
    std::vector<float> expected = output(c.layout.channels), actual = expected;
    ASSERT_TRUE(reference_kernels().abs_max({}, c.layout, c.x.data(), expected.data()).ok());
    ASSERT_TRUE(tested.abs_max(execution, c.layout, c.x.data(), actual.data()).ok());
    expect_identical(actual, expected, "abs_max");
  });
}

void check_histogram(const KernelTable<float>& tested) {
  if (tested.histogram == nullptr) return;
  for_each_run([&](const Case& c, const Execution& execution) {
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
      ASSERT_TRUE(reference_kernels().histogram({}, c.layout, c.x.data(), range, expected.data()).ok());
      ASSERT_TRUE(tested.histogram(execution, c.layout, c.x.data(), range, actual.data()).ok());
      ASSERT_EQ(actual, expected) << bins << " bins";
    }
  });
}

}  // namespace pare::backends::conformance
