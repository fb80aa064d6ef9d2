#include <cmath>
#include <cstdint>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/conformance/comparisons.h"
#include "backends/reference/backend.h"

namespace pare::backends::conformance {
namespace {

// Terms are all positive, so a sum is its own tolerance's measure; a square root halves what it is off by.
void expect_positive_sums_near(const std::vector<float>& actual, const std::vector<float>& expected, int64_t count,
                               const char* what, bool flushes) {
  std::vector<double> tolerances;
  for (int64_t i = 0; i < count; ++i) {
    // Of flushed squares the root is far larger than they are.
    tolerances.push_back(kSumTolerance * expected[i] + (flushes ? 1e-16 : 0));
  }
  expect_near(actual, expected, tolerances, what, flushes);
}

}  // namespace

template <typename T>
void check_filter_norms(const KernelTable<T>& tested) {
  if (tested.filter_norms == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    const int64_t channels = c.layout.channels;
    std::vector<float> expected_l1 = output<float>(channels), expected_l2 = expected_l1, l1 = expected_l1,
                       l2 = expected_l1, l1_alone = expected_l1, l2_alone = expected_l1;
    ASSERT_TRUE(
        reference_kernels<T>().filter_norms({}, c.layout, x.data(), expected_l1.data(), expected_l2.data()).ok());
    ASSERT_TRUE(tested.filter_norms(execution, c.layout, x.data(), l1.data(), l2.data()).ok());
    expect_positive_sums_near(l1, expected_l1, channels, "l1", tested.flushes_denormals);
    expect_positive_sums_near(l2, expected_l2, channels, "l2", tested.flushes_denormals);
    ASSERT_TRUE(tested.filter_norms({}, c.layout, x.data(), l1_alone.data(), nullptr).ok());
    ASSERT_TRUE(tested.filter_norms({}, c.layout, x.data(), nullptr, l2_alone.data()).ok());
    expect_identical(l1_alone, l1, "l1 alone", tested.flushes_denormals);
    expect_identical(l2_alone, l2, "l2 alone", tested.flushes_denormals);
  });
}

template <typename T>
void check_pairwise_distances(const KernelTable<T>& tested) {
  if (tested.pairwise_distances == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    const int64_t pairs = c.layout.channels * c.layout.channels;
    std::vector<float> expected = output<float>(pairs), actual = expected, repeated = expected;
    ASSERT_TRUE(reference_kernels<T>().pairwise_distances({}, c.layout, x.data(), expected.data()).ok());
    ASSERT_TRUE(tested.pairwise_distances(execution, c.layout, x.data(), actual.data()).ok());
    expect_positive_sums_near(actual, expected, pairs, "distances", tested.flushes_denormals);
    for (int64_t i = 0; i < c.layout.channels; ++i) ASSERT_EQ(actual[i * c.layout.channels + i], 0.0f);
    ASSERT_TRUE(tested.pairwise_distances({}, c.layout, x.data(), repeated.data()).ok());
    expect_identical(repeated, actual, "distances, again", tested.flushes_denormals);
  });
}

#define PARE_INSTANTIATE(T)                                \
  template void check_filter_norms(const KernelTable<T>&); \
  template void check_pairwise_distances(const KernelTable<T>&);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::conformance
