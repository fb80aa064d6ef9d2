// backends/conformance/comparisons.h: what the checks share: typed copies of a case's numbers, outputs with a guard
// behind them, and comparisons bit by bit or within a tolerance.
//
//   for_each_run<T>(tested, [&](const Case& c, const Execution& execution) {
//     const std::vector<T> x = typed<T>(c.x);
//     std::vector<T> expected = output<T>(c.layout.size()), actual = expected;
//     ...
//     expect_identical(actual, expected, "y", tested.flushes_denormals);
//   });

#ifndef PARE_BACKENDS_CONFORMANCE_COMPARISONS_H_
#define PARE_BACKENDS_CONFORMANCE_COMPARISONS_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "backends/conformance/cases.h"
#include "backends/kernel_backend.h"
#include "gtest/gtest.h"

namespace pare::backends::conformance {

// Behind every output stand a few of these, which no kernel may touch.
inline constexpr float kSentinel = -12345.0f;
inline constexpr int64_t kGuard = 24;

template <typename T>
std::vector<T> output(int64_t size) {
  return std::vector<T>(size + kGuard, from_float<T>(kSentinel));
}

template <typename T>
std::vector<T> typed(const std::vector<float>& numbers) {
  std::vector<T> result;
  result.reserve(numbers.size());
  for (const float number : numbers) result.push_back(from_float<T>(number));
  return result;
}

inline bool is_denormal(float x) { return x != 0 && std::fabs(x) < std::numeric_limits<float>::min(); }

// The same bits, or both NaN; if `flushes`, also a denormal number and a zero.
inline bool identical(float a, float b, bool flushes) {
  if (flushes && (is_denormal(a) || is_denormal(b))) {
    return std::fabs(a) <= std::numeric_limits<float>::min() && std::fabs(b) <= std::numeric_limits<float>::min();
  }
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

template <typename T>
void expect_identical(const std::vector<T>& actual, const std::vector<T>& expected, const char* what, bool flushes) {
  ASSERT_EQ(actual.size(), expected.size());
  if (std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(T)) == 0) return;
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_TRUE(identical(to_float(actual[i]), to_float(expected[i]), flushes))
        << what << "[" << i << "] is " << to_float(actual[i]) << " instead of " << to_float(expected[i])
        << (i + kGuard >= actual.size() ? ", behind the output's end" : "");
  }
}

// One number a channel, each within its tolerance, and the guard behind them untouched.
inline void expect_near(const std::vector<float>& actual, const std::vector<float>& expected,
                        const std::vector<double>& tolerance, const char* what, bool flushes) {
  for (size_t channel = 0; channel < tolerance.size(); ++channel) {
    if (identical(actual[channel], expected[channel], flushes)) continue;
    // Terms below the least denormal number, or the least normal one where those are flushed, may round to zero.
    ASSERT_NEAR(actual[channel], expected[channel], tolerance[channel] + (flushes ? 1e-33 : 1e-42))
        << what << " of channel " << channel;
  }
  for (int64_t i = 0; i < kGuard; ++i) ASSERT_EQ(actual[tolerance.size() + i], kSentinel) << what;
}

// Calls check(case, execution) for every case and every way to run it. The case's numbers are such that T holds them
// exactly, and hold no denormal ones if the table flushes those.
template <typename T, typename Check>
void for_each_run(const KernelTable<T>& tested, const Check& check) {
  static const std::vector<Case> all = all_cases();
  for (const Case& original : all) {
    Case c = original;
    for (std::vector<float>* numbers : {&c.x, &c.dy}) {
      for (float& number : *numbers) {
        number = to_float(from_float<T>(number));
        if (tested.flushes_denormals && is_denormal(number)) number = 0;
      }
    }
    for (const Execution& execution : all_executions(tested.uses_execution)) {
      SCOPED_TRACE(c.description);
      check(c, execution);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace pare::backends::conformance

#endif  // PARE_BACKENDS_CONFORMANCE_COMPARISONS_H_
