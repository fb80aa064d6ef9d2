#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/conformance/comparisons.h"
#include "backends/reference/backend.h"

namespace pare::backends::conformance {
namespace {

struct Sums {
  explicit Sums(int64_t channels) : inside(output<float>(channels)), above(inside), below(inside) {}
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

}  // namespace

template <typename T>
void check_fake_quantize_forward(const KernelTable<T>& tested) {
  if (tested.fake_quantize_forward == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    std::vector<T> expected = output<T>(c.layout.size()), actual = expected;
    ASSERT_TRUE(reference_kernels<T>().fake_quantize_forward({}, c.layout, x.data(), c.grid(), expected.data()).ok());
    ASSERT_TRUE(tested.fake_quantize_forward(execution, c.layout, x.data(), c.grid(), actual.data()).ok());
    expect_identical(actual, expected, "y", tested.flushes_denormals);
    // In place.
    std::vector<T> in_place = output<T>(c.layout.size());
    std::copy(x.begin(), x.end(), in_place.begin());
    ASSERT_TRUE(tested.fake_quantize_forward(execution, c.layout, in_place.data(), c.grid(), in_place.data()).ok());
    expect_identical(in_place, expected, "y in place of x", tested.flushes_denormals);
  });
}

template <typename T>
void check_fake_quantize_backward(const KernelTable<T>& tested) {
  if (tested.fake_quantize_backward == nullptr) return;
  const auto kernel = tested.fake_quantize_backward;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x), dy = typed<T>(c.dy);
    std::vector<T> expected = output<T>(c.layout.size()), actual = expected, alone = expected;
    std::vector<float> y(c.layout.size());
    Sums expected_sums(c.layout.channels), sums(c.layout.channels), repeated(c.layout.channels);
    const FakeQuantizeSums expected_pointers = expected_sums.pointers(), pointers = sums.pointers(),
                           repeated_pointers = repeated.pointers();
    const KernelTable<T>& reference = reference_kernels<T>();
    ASSERT_TRUE(
        reference
            .fake_quantize_backward({}, c.layout, dy.data(), x.data(), c.grid(), expected.data(), &expected_pointers)
            .ok());
    ASSERT_TRUE(reference_kernels<float>().fake_quantize_forward({}, c.layout, c.x.data(), c.grid(), y.data()).ok());

    ASSERT_TRUE(kernel(execution, c.layout, dy.data(), x.data(), c.grid(), actual.data(), &pointers).ok());
    expect_identical(actual, expected, "dx", tested.flushes_denormals);
    const Tolerances tolerances(c, y);
    expect_near(sums.inside, expected_sums.inside, tolerances.inside, "inside", tested.flushes_denormals);
    expect_near(sums.above, expected_sums.above, tolerances.outside, "above", tested.flushes_denormals);
    expect_near(sums.below, expected_sums.below, tolerances.outside, "below", tested.flushes_denormals);

    // Each result alone is the same, however the work is divided.
    ASSERT_TRUE(kernel({}, c.layout, dy.data(), x.data(), c.grid(), nullptr, &repeated_pointers).ok());
    expect_identical(repeated.inside, sums.inside, "inside, without dx", tested.flushes_denormals);
    expect_identical(repeated.above, sums.above, "above, without dx", tested.flushes_denormals);
    expect_identical(repeated.below, sums.below, "below, without dx", tested.flushes_denormals);
    ASSERT_TRUE(kernel(execution, c.layout, dy.data(), x.data(), c.grid(), alone.data(), nullptr).ok());
    expect_identical(alone, expected, "dx, without sums", tested.flushes_denormals);
  });
}

#define PARE_INSTANTIATE(T)                                         \
  template void check_fake_quantize_forward(const KernelTable<T>&); \
  template void check_fake_quantize_backward(const KernelTable<T>&);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::conformance
