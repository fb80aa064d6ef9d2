#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/conformance/comparisons.h"
#include "backends/reference/backend.h"

namespace pare::backends::conformance {
namespace {

// The scale of activations, taken from the case, so that numbers lie on it and on both sides.
float scale_of(const Case& c) { return c.step.empty() ? 1.0f : c.step[0] * c.highest[0]; }

// A threshold a channel: inside of the range, at its ends, and outside.
std::vector<float> thresholds_of(const Case& c) {
  constexpr float kThresholds[] = {0.5f, 0.0f, 1.0f, 0.25f, -0.5f, 1.5f};
  std::vector<float> result(c.layout.channels);
  for (size_t channel = 0; channel < result.size(); ++channel) result[channel] = kThresholds[channel % 6];
  return result;
}

struct Sums {
  explicit Sums(int64_t channels) : inside(output<float>(channels)), above(inside), between(inside) {}
  BinarizationSums pointers() { return {inside.data(), above.data(), between.data()}; }
  std::vector<float> inside, above, between;
};

// What is added up for each channel, magnitudes only.
struct Magnitudes {
  Magnitudes(const Case& c, const std::vector<float>& y) : error(c.layout.channels), gradient(c.layout.channels) {
    for (int64_t i = 0; i < c.layout.size(); ++i) {
      const int64_t channel = i / c.layout.inner % c.layout.channels;
      error[channel] += std::fabs(c.x[i] > scale_of(c) ? 0.0f : c.dy[i] * (y[i] - c.x[i]));
      gradient[channel] += std::fabs(c.dy[i]);
    }
  }
  std::vector<double> error, gradient;
};

// As expect_near, but of terms whose magnitudes add up to more than a float holds, the sum depends on the order.
void expect_sums_near(std::vector<float> actual, std::vector<float> expected, const std::vector<double>& magnitudes,
                      const char* what, bool flushes) {
  std::vector<double> tolerances;
  for (size_t channel = 0; channel < magnitudes.size(); ++channel) {
    if (magnitudes[channel] > std::numeric_limits<float>::max()) actual[channel] = expected[channel];
    tolerances.push_back(kSumTolerance * magnitudes[channel]);
  }
  expect_near(actual, expected, tolerances, what, flushes);
}

}  // namespace

template <typename T>
void check_binarize_weights(const KernelTable<T>& tested) {
  if (tested.binarize_weights == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    std::vector<T> expected = output<T>(c.layout.size()), actual = expected, in_place = expected;
    ASSERT_TRUE(reference_kernels<T>().binarize_weights({}, c.layout, x.data(), c.step.data(), expected.data()).ok());
    ASSERT_TRUE(tested.binarize_weights(execution, c.layout, x.data(), c.step.data(), actual.data()).ok());
    expect_identical(actual, expected, "y", tested.flushes_denormals);
    std::copy(x.begin(), x.end(), in_place.begin());
    ASSERT_TRUE(tested.binarize_weights(execution, c.layout, in_place.data(), c.step.data(), in_place.data()).ok());
    expect_identical(in_place, expected, "y in place of x", tested.flushes_denormals);
  });
}

template <typename T>
void check_binarize_activations_forward(const KernelTable<T>& tested) {
  if (tested.binarize_activations_forward == nullptr) return;
  const auto kernel = tested.binarize_activations_forward;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    const float scale = scale_of(c);
    const std::vector<float> thresholds = thresholds_of(c);
    std::vector<T> expected = output<T>(c.layout.size()), actual = expected, in_place = expected;
    ASSERT_TRUE(reference_kernels<T>()
                    .binarize_activations_forward({}, c.layout, x.data(), &scale, thresholds.data(), expected.data())
                    .ok());
    ASSERT_TRUE(kernel(execution, c.layout, x.data(), &scale, thresholds.data(), actual.data()).ok());
    expect_identical(actual, expected, "y", tested.flushes_denormals);
    std::copy(x.begin(), x.end(), in_place.begin());
    ASSERT_TRUE(kernel(execution, c.layout, in_place.data(), &scale, thresholds.data(), in_place.data()).ok());
    expect_identical(in_place, expected, "y in place of x", tested.flushes_denormals);
  });
}

template <typename T>
void check_binarize_activations_backward(const KernelTable<T>& tested) {
  if (tested.binarize_activations_backward == nullptr) return;
  const auto kernel = tested.binarize_activations_backward;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x), dy = typed<T>(c.dy);
    const float scale = scale_of(c);
    const std::vector<float> thresholds = thresholds_of(c);
    const float* const threshold = thresholds.data();
    std::vector<T> expected = output<T>(c.layout.size()), actual = expected, in_place = expected;
    std::vector<float> y(c.layout.size());
    Sums expected_sums(c.layout.channels), sums(c.layout.channels), repeated(c.layout.channels);
    const BinarizationSums expected_pointers = expected_sums.pointers(), pointers = sums.pointers(),
                           repeated_pointers = repeated.pointers();
    ASSERT_TRUE(reference_kernels<T>()
                    .binarize_activations_backward({}, c.layout, dy.data(), x.data(), &scale, threshold,
                                                   expected.data(), &expected_pointers)
                    .ok());
    ASSERT_TRUE(reference_kernels<float>()
                    .binarize_activations_forward({}, c.layout, c.x.data(), &scale, threshold, y.data())
                    .ok());

    ASSERT_TRUE(kernel(execution, c.layout, dy.data(), x.data(), &scale, threshold, actual.data(), &pointers).ok());
    expect_identical(actual, expected, "dx", tested.flushes_denormals);
    const Magnitudes magnitudes(c, y);
    expect_sums_near(sums.inside, expected_sums.inside, magnitudes.error, "inside", tested.flushes_denormals);
    expect_sums_near(sums.above, expected_sums.above, magnitudes.gradient, "above", tested.flushes_denormals);
    expect_sums_near(sums.between, expected_sums.between, magnitudes.gradient, "between", tested.flushes_denormals);

    // Each result alone is the same, however the work is divided; and dx may be dy.
    ASSERT_TRUE(kernel({}, c.layout, dy.data(), x.data(), &scale, threshold, nullptr, &repeated_pointers).ok());
    expect_identical(repeated.inside, sums.inside, "inside, without dx", tested.flushes_denormals);
    expect_identical(repeated.above, sums.above, "above, without dx", tested.flushes_denormals);
    expect_identical(repeated.between, sums.between, "between, without dx", tested.flushes_denormals);
    std::copy(dy.begin(), dy.end(), in_place.begin());
    ASSERT_TRUE(
        kernel(execution, c.layout, in_place.data(), x.data(), &scale, threshold, in_place.data(), nullptr).ok());
    expect_identical(in_place, expected, "dx in place of dy, without sums", tested.flushes_denormals);
  });
}

#define PARE_INSTANTIATE(T)                                                \
  template void check_binarize_weights(const KernelTable<T>&);             \
  template void check_binarize_activations_forward(const KernelTable<T>&); \
  template void check_binarize_activations_backward(const KernelTable<T>&);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::conformance
