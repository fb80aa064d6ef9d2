#include "backends/conformance/cases.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gtest/gtest.h"

namespace pare::backends::conformance {
namespace {

TEST(Cases, HoldWhatTheyPromise) {
  bool empty = false, nan = false, infinite = false, denormal = false, tie = false;
  for (const Case& c : all_cases()) {
    SCOPED_TRACE(c.description);
    ASSERT_EQ(c.x.size(), static_cast<size_t>(c.layout.size()));
    ASSERT_EQ(c.step.size(), static_cast<size_t>(c.layout.channels));
    empty |= c.x.empty();
    for (const float x : c.x) {
      nan |= std::isnan(x);
      infinite |= std::isinf(x);
      denormal |= std::fpclassify(x) == FP_SUBNORMAL;
    }
    for (int64_t channel = 0; channel < c.layout.channels; ++channel) {
      ASSERT_TRUE(std::isfinite(c.inverse_step[channel]));
      ASSERT_LE(c.lowest[channel], 0);
      ASSERT_GE(c.highest[channel], 0);
    }
    if (!c.x.empty()) {
      const float position = c.x[0] * c.inverse_step[0];
      tie |= position - std::floor(position) == 0.5f;
    }
  }
  EXPECT_TRUE(empty && nan && infinite && denormal && tie);
}

TEST(Cases, ExecutionsCoverEveryIndexOnce) {
  for (const Execution& execution : all_executions(true)) {
    for (const int64_t end : {0, 1, 6, 7, 8, 100}) {
      std::vector<int> visits(end);
      execution.parallel_for(0, end, 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) ++visits[i];
      });
      EXPECT_EQ(std::count(visits.begin(), visits.end(), 1), end);
    }
  }
}

}  // namespace
}  // namespace pare::backends::conformance
