#include "training/accuracy/accuracy_budget.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::training {
namespace {

using ::testing::HasSubstr;

AccuracyAwareSettings relative(double percent) { return {.maximal_relative_degradation = percent}; }
AccuracyAwareSettings absolute(double degradation) { return {.maximal_absolute_degradation = degradation}; }

TEST(AccuracyBudget, RelativeIsInPercentOfTheUncompressedAccuracy) {
  const auto budget = AccuracyBudget::create(relative(1), 0.9);
  ASSERT_TRUE(budget.ok()) << budget.status();
  EXPECT_DOUBLE_EQ(budget->least(), 0.891);
  EXPECT_NEAR(budget->drop(0.88), 0.02, 1e-12);
  EXPECT_NEAR(budget->left(0.88), -0.011, 1e-12);
  EXPECT_TRUE(budget->allows(0.891));
  EXPECT_FALSE(budget->allows(0.8909));
}

TEST(AccuracyBudget, AbsoluteIsInTheMetricsUnit) {
  const auto budget = AccuracyBudget::create(absolute(0.5), 76.1);
  ASSERT_TRUE(budget.ok()) << budget.status();
  EXPECT_DOUBLE_EQ(budget->least(), 75.6);
  EXPECT_TRUE(budget->allows(75.6));
  EXPECT_FALSE(budget->allows(75.59));
}

TEST(AccuracyBudget, AMetricBelowZeroMayGoBelowIt) {
  const auto budget = AccuracyBudget::create(relative(10), -2.0);  // minus a loss
  ASSERT_TRUE(budget.ok()) << budget.status();
  EXPECT_DOUBLE_EQ(budget->least(), -2.2);
}

TEST(AccuracyBudget, RefusesWhatAnyModelMeets) {
  EXPECT_THAT(AccuracyBudget::create(absolute(1), 0.9).status().message(),
              HasSubstr("the accuracy budget of 1 allows any model, since the uncompressed one's accuracy is 0.9"));
  EXPECT_FALSE(AccuracyBudget::create(relative(100), 0.9).ok());
  EXPECT_FALSE(AccuracyBudget::create(relative(1), std::numeric_limits<double>::quiet_NaN()).ok());
}

}  // namespace
}  // namespace pare::training
