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

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr uint8_t kGuardByte = 0xA5;

std::vector<uint8_t> mask_output(int64_t size) { return std::vector<uint8_t>(size + kGuard, kGuardByte); }

// Bytes where some are 0 and the others anything else.
std::vector<uint8_t> any_mask(int64_t size) {
  std::vector<uint8_t> mask(size);
  for (int64_t i = 0; i < size; ++i) mask[i] = static_cast<uint8_t>(i % 3 == 0 ? 0 : i % 5 == 0 ? 1 : i * 37 | 1);
  return mask;
}

// `first` with room behind it, as an output that is there already.
template <typename T>
std::vector<T> in_place_output(const std::vector<T>& first) {
  std::vector<T> result = output<T>(static_cast<int64_t>(first.size()));
  std::copy(first.begin(), first.end(), result.begin());
  return result;
}

// All thresholds for small tensors, the first two for others: how a number is compared does not depend on the size.
std::vector<float> thresholds_for(int64_t size, std::vector<float> thresholds) {
  if (size > 5000) thresholds.resize(2);
  return thresholds;
}

template <typename T>
std::vector<T> reversed(std::vector<T> numbers) {
  std::reverse(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

template <typename T>
void check_magnitude_mask(const KernelTable<T>& tested) {
  if (tested.magnitude_mask == nullptr) return;
  const auto kernel = tested.magnitude_mask;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const int64_t size = c.layout.size();
    const std::vector<T> x = typed<T>(c.x);
    // A number that is there, so that "equal" is removed; and what orders nothing.
    const float own = size == 0 ? 1.0f : std::fabs(to_float(x[size / 2])) * c.inverse_step[c.layout.channels / 2];
    for (const float threshold : thresholds_for(size, {own, 0.0f, -1.0f, kInfinity, kNan})) {
      const float* const scale = threshold == 0 ? nullptr : c.inverse_step.data();
      std::vector<T> y = output<T>(size), expected_y = y, alone_y = y, in_place = in_place_output(x);
      std::vector<uint8_t> mask = mask_output(size), expected_mask = mask, alone_mask = mask;
      ASSERT_TRUE(reference_kernels<T>()
                      .magnitude_mask({}, c.layout, x.data(), scale, threshold, expected_mask.data(), expected_y.data())
                      .ok());
      ASSERT_TRUE(kernel(execution, c.layout, x.data(), scale, threshold, mask.data(), y.data()).ok());
      for (int64_t i = 0; tested.flushes_denormals && i < size; ++i) {
        // Where denormal numbers may be zeros, what they decide is open.
        const float factor = scale == nullptr ? 1.0f : scale[i / c.layout.inner % c.layout.channels];
        if (!is_denormal(to_float(x[i]) * factor) && !is_denormal(threshold)) continue;
        expected_mask[i] = mask[i];
        expected_y[i] = y[i];
      }
      ASSERT_EQ(mask, expected_mask) << "threshold " << threshold;
      expect_identical(y, expected_y, "y", tested.flushes_denormals);
      if (size > 50000) continue;
      ASSERT_TRUE(kernel(execution, c.layout, x.data(), scale, threshold, alone_mask.data(), nullptr).ok());
      ASSERT_EQ(alone_mask, mask) << "the mask alone";
      ASSERT_TRUE(kernel(execution, c.layout, x.data(), scale, threshold, nullptr, alone_y.data()).ok());
      expect_identical(alone_y, y, "y alone", tested.flushes_denormals);
      ASSERT_TRUE(kernel(execution, c.layout, in_place.data(), scale, threshold, nullptr, in_place.data()).ok());
      expect_identical(in_place, y, "y in place of x", tested.flushes_denormals);
    }
  });
}

template <typename T>
void check_apply_mask(const KernelTable<T>& tested) {
  if (tested.apply_mask == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const int64_t size = c.layout.size();
    const std::vector<T> x = typed<T>(c.x);
    const std::vector<uint8_t> mask = any_mask(size);
    std::vector<T> y = output<T>(size), expected = y, in_place = in_place_output(x);
    ASSERT_TRUE(reference_kernels<T>().apply_mask({}, size, x.data(), mask.data(), expected.data()).ok());
    ASSERT_TRUE(tested.apply_mask(execution, size, x.data(), mask.data(), y.data()).ok());
    expect_identical(y, expected, "y", tested.flushes_denormals);
    ASSERT_TRUE(tested.apply_mask(execution, size, in_place.data(), mask.data(), in_place.data()).ok());
    expect_identical(in_place, expected, "y in place of x", tested.flushes_denormals);
  });
}

template <typename T>
void check_count_zeros(const KernelTable<T>& tested) {
  if (tested.count_zeros == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    // Every third number removed, so that there are zeros of either sign enough.
    std::vector<T> x = typed<T>(c.x);
    for (size_t i = 0; i < x.size(); i += 3) x[i] = from_float<T>(i % 2 == 0 ? 0.0f : -0.0f);
    std::vector<int64_t> counts(c.layout.channels + kGuard, -7), expected = counts;
    ASSERT_TRUE(reference_kernels<T>().count_zeros({}, c.layout, x.data(), expected.data()).ok());
    ASSERT_TRUE(tested.count_zeros(execution, c.layout, x.data(), counts.data()).ok());
    ASSERT_EQ(counts, expected);
  });
}

template <typename T>
void check_count_above(const KernelTable<T>& tested) {
  if (tested.count_above == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    const float own = x.empty() ? 1.0f : to_float(x[x.size() / 2]);
    for (const float threshold : thresholds_for(c.layout.size(), {own, 0.0f, -0.01f, kInfinity, -kInfinity, kNan})) {
      std::vector<int64_t> counts(c.layout.channels + kGuard, -7), expected = counts;
      ASSERT_TRUE(reference_kernels<T>().count_above({}, c.layout, x.data(), threshold, expected.data()).ok());
      ASSERT_TRUE(tested.count_above(execution, c.layout, x.data(), threshold, counts.data()).ok());
      ASSERT_EQ(counts, expected) << "threshold " << threshold;
    }
  });
}

template <typename T>
void check_rb_mask_forward(const KernelTable<T>& tested) {
  if (tested.rb_mask_forward == nullptr) return;
  const auto kernel = tested.rb_mask_forward;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const int64_t size = c.layout.size();
    const std::vector<T> w = typed<T>(reversed(c.x));
    const RandomStream random{0x123456789ABCDEF0u, 0xFEDCBA9876543210u};
    for (const RandomStream* stream : {&random, static_cast<const RandomStream*>(nullptr)}) {
      std::vector<T> y = output<T>(size), expected_y = y, alone_y = y, in_place = in_place_output(w);
      std::vector<uint8_t> mask = mask_output(size), expected_mask = mask, alone_mask = mask;
      ASSERT_TRUE(reference_kernels<T>()
                      .rb_mask_forward({}, size, w.data(), c.x.data(), stream, expected_mask.data(), expected_y.data())
                      .ok());
      ASSERT_TRUE(kernel(execution, size, w.data(), c.x.data(), stream, mask.data(), y.data()).ok());
      ASSERT_EQ(mask, expected_mask);
      expect_identical(y, expected_y, "y", tested.flushes_denormals);
      if (size > 50000) continue;
      ASSERT_TRUE(kernel(execution, size, nullptr, c.x.data(), stream, alone_mask.data(), nullptr).ok());
      ASSERT_EQ(alone_mask, expected_mask) << "the mask alone";
      ASSERT_TRUE(kernel(execution, size, w.data(), c.x.data(), stream, nullptr, alone_y.data()).ok());
      expect_identical(alone_y, expected_y, "y alone", tested.flushes_denormals);
      ASSERT_TRUE(kernel(execution, size, in_place.data(), c.x.data(), stream, nullptr, in_place.data()).ok());
      expect_identical(in_place, expected_y, "y in place of w", tested.flushes_denormals);
    }
  });
  // An element's bit is its own, whatever tensor it stands in.
  const RandomStream random{7, 0};
  const std::vector<float> logits(1000, 0.25f);
  std::vector<uint8_t> longest(logits.size());
  ASSERT_TRUE(kernel({}, 1000, nullptr, logits.data(), &random, longest.data(), nullptr).ok());
  for (int64_t size = 1; size < 300; ++size) {
    std::vector<uint8_t> mask(size);
    ASSERT_TRUE(kernel({}, size, nullptr, logits.data(), &random, mask.data(), nullptr).ok());
    ASSERT_TRUE(std::equal(mask.begin(), mask.end(), longest.begin())) << "of " << size << " elements";
  }
}

template <typename T>
void check_rb_mask_backward(const KernelTable<T>& tested) {
  if (tested.rb_mask_backward == nullptr) return;
  const auto kernel = tested.rb_mask_backward;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const int64_t size = c.layout.size();
    const std::vector<T> dy = typed<T>(c.dy), w = typed<T>(c.x);
    const std::vector<uint8_t> mask = any_mask(size);
    std::vector<T> dw = output<T>(size), expected_dw = dw, alone_dw = dw, in_place = in_place_output(dy);
    std::vector<float> d_logits = output<float>(size), expected_logits = d_logits, alone_logits = d_logits,
                       in_place_logits = d_logits;
    ASSERT_TRUE(
        reference_kernels<T>()
            .rb_mask_backward({}, size, dy.data(), w.data(), mask.data(), expected_dw.data(), expected_logits.data())
            .ok());
    ASSERT_TRUE(kernel(execution, size, dy.data(), w.data(), mask.data(), dw.data(), d_logits.data()).ok());
    expect_identical(dw, expected_dw, "dw", tested.flushes_denormals);
    expect_identical(d_logits, expected_logits, "d_logits", tested.flushes_denormals);
    if (size > 50000) return;
    ASSERT_TRUE(kernel(execution, size, dy.data(), w.data(), mask.data(), alone_dw.data(), nullptr).ok());
    expect_identical(alone_dw, expected_dw, "dw alone", tested.flushes_denormals);
    ASSERT_TRUE(kernel(execution, size, dy.data(), w.data(), mask.data(), nullptr, alone_logits.data()).ok());
    expect_identical(alone_logits, expected_logits, "d_logits alone", tested.flushes_denormals);
    ASSERT_TRUE(
        kernel(execution, size, in_place.data(), w.data(), mask.data(), in_place.data(), in_place_logits.data()).ok());
    expect_identical(in_place, expected_dw, "dw in place of dy", tested.flushes_denormals);
    expect_identical(in_place_logits, expected_logits, "d_logits with dw in place of dy", tested.flushes_denormals);
  });
}

template <typename T>
void check_n_of_m_mask(const KernelTable<T>& tested) {
  if (tested.n_of_m_mask == nullptr) return;
  struct Pattern {
    int n, m;
  };
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const int64_t size = c.layout.size();
    const std::vector<T> x = typed<T>(c.x);
    for (const Pattern& pattern : {Pattern{2, 4}, {1, 2}, {4, 8}, {1, 1}, {3, 4}, {2, 5}, {4, 4}, {17, 32}}) {
      if (size > 5000 && pattern.m != 4 && pattern.m != 8) continue;
      std::vector<uint8_t> mask = mask_output(size), expected = mask;
      ASSERT_TRUE(
          reference_kernels<T>().n_of_m_mask({}, c.layout, x.data(), pattern.n, pattern.m, expected.data()).ok());
      ASSERT_TRUE(tested.n_of_m_mask(execution, c.layout, x.data(), pattern.n, pattern.m, mask.data()).ok());
      ASSERT_EQ(mask, expected) << pattern.n << " of " << pattern.m;
    }
  });
}

#define PARE_INSTANTIATE(T)                                    \
  template void check_magnitude_mask(const KernelTable<T>&);   \
  template void check_apply_mask(const KernelTable<T>&);       \
  template void check_count_zeros(const KernelTable<T>&);      \
  template void check_count_above(const KernelTable<T>&);      \
  template void check_rb_mask_forward(const KernelTable<T>&);  \
  template void check_rb_mask_backward(const KernelTable<T>&); \
  template void check_n_of_m_mask(const KernelTable<T>&);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::conformance
