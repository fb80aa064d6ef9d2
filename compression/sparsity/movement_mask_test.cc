#include "compression/sparsity/movement_mask.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "compression/sparsity/movement_loss.h"
#include "gmock/gmock.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::sparsity {
namespace {

using ::testing::HasSubstr;

at::Tensor matrix(std::vector<float> numbers, int64_t columns) {
  return at::tensor(at::ArrayRef<float>(numbers)).view({-1, columns});
}

// A weight [2, 4] of 1 ... 8, and the gradient 1, 10, ..., its columns, times 2 in the second row.
class MovementMask : public ::testing::Test {
 protected:
  at::Tensor sparsify(const at::Tensor& scores, Cell cell, double threshold) {
    scores_ = scores.requires_grad_(true);
    const at::Tensor y = movement_sparsify(weight_, scores_, cell, threshold);
    y.backward(matrix({1, 10, 100, 1000, 2, 20, 200, 2000}, 4));
    return y.detach();
  }
  at::Tensor weight_ = matrix({1, 2, 3, 4, 5, 6, 7, 8}, 4).requires_grad_(true);
  at::Tensor scores_;
};

TEST_F(MovementMask, OfEachWeight) {
  const at::Tensor y = sparsify(matrix({0.5, 0.1, 0.2, -1, 0.3, 0.1, 9, 0}, 4), {}, 0.1);
  EXPECT_TRUE(at::equal(y, matrix({1, 0, 3, 0, 5, 0, 7, 0}, 4))) << "a score at the threshold does not stay";
  EXPECT_TRUE(at::equal(weight_.grad(), matrix({1, 0, 100, 0, 2, 0, 200, 0}, 4)));
  // dy * weight, masked or not.
  EXPECT_TRUE(at::equal(scores_.grad(), matrix({1, 20, 300, 4000, 10, 120, 1400, 16000}, 4)));
}

TEST_F(MovementMask, OfBlocks) {
  const at::Tensor y = sparsify(matrix({1, -1}, 2), {2, 2}, 0);
  EXPECT_TRUE(at::equal(y, matrix({1, 2, 0, 0, 5, 6, 0, 0}, 4)));
  EXPECT_TRUE(at::equal(weight_.grad(), matrix({1, 10, 0, 0, 2, 20, 0, 0}, 4)));
  EXPECT_TRUE(at::equal(scores_.grad(), matrix({1 + 20 + 10 + 120, 300 + 4000 + 1400 + 16000}, 2)));
}

TEST_F(MovementMask, OfRowsAndOfColumns) {
  EXPECT_TRUE(at::equal(sparsify(matrix({-1, 1}, 1), {1, 4}, 0), matrix({0, 0, 0, 0, 5, 6, 7, 8}, 4)));
  EXPECT_TRUE(at::equal(scores_.grad(), matrix({1 + 20 + 300 + 4000, 10 + 120 + 1400 + 16000}, 1)));
  EXPECT_TRUE(at::equal(sparsify(matrix({-1, 1, 1, -1}, 4), {2, 1}, 0), matrix({0, 2, 3, 0, 0, 6, 7, 0}, 4)));
  EXPECT_TRUE(at::equal(scores_.grad(), matrix({11, 140, 1700, 20000}, 4)));
}

TEST_F(MovementMask, IsTheSameOnATransposedWeightAndWithoutGradients) {
  const at::Tensor scores = matrix({1, -1}, 1), weight = matrix({1, 5, 2, 6, 3, 7, 4, 8}, 2).t();
  EXPECT_TRUE(at::equal(movement_sparsify(weight, scores, {1, 4}, 0), matrix({1, 2, 3, 4, 0, 0, 0, 0}, 4)));
  EXPECT_TRUE(at::equal(movement_mask(scores, {1, 4}, 0).to(at::kFloat), matrix({1, 1, 1, 1, 0, 0, 0, 0}, 4)));
}

TEST_F(MovementMask, KeepsAllBeforeTheWarmUpButNoNaN) {
  EXPECT_TRUE(at::equal(sparsify(at::zeros({2, 4}), {}, MovementTransform::kKeepsAll), weight_.detach()));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(at::equal(movement_sparsify(weight_.detach(), matrix({nan, 1}, 1), {1, 4}, -1),
                        matrix({0, 0, 0, 0, 5, 6, 7, 8}, 4)));
}

TEST_F(MovementMask, ScoresOfHalfPrecisionWeightsLearnFromSmallProducts) {
  weight_ = matrix({1e-4f, 1e-4f}, 2).to(at::kHalf).requires_grad_(true);
  scores_ = at::zeros({1, 1}).requires_grad_(true);
  movement_sparsify(weight_, scores_, {1, 2}, -1).backward(matrix({1e-4f, 1e-4f}, 2).to(at::kHalf));
  EXPECT_NEAR(scores_.grad().item<double>(), 2e-8, 1e-10) << "the least number above 0 of half precision is 6e-8";
}

TEST_F(MovementMask, RefusesScoresOfAnotherShape) {
  EXPECT_THROW(movement_sparsify(weight_, at::zeros({2, 2}), {1, 4}, 0), c10::Error);
}

TEST(MovementTransform, KeepsItsStateAndRefusesADamagedOne) {
  MovementTransform transform({}), other({});
  EXPECT_TRUE(transform.state()["threshold"].is_null());
  transform.set_threshold(0.25);
  transform.set_frozen(true);
  ASSERT_TRUE(other.set_state(transform.state()).ok());
  EXPECT_EQ(other.state(), transform.state());
  EXPECT_THAT(other.set_state({{"threshold", "low"}, {"frozen", true}}).message(), HasSubstr("threshold"));
  EXPECT_FALSE(other.set_state({}).ok());
}

TEST(MovementTransform, FrozenGoesByTheMask) {
  MovementTransform transform({});
  const at::Tensor weight = matrix({1, 2}, 2), scores = matrix({-1, 1}, 2), mask = matrix({1, 0}, 2).to(at::kBool);
  transform.set_threshold(0);
  EXPECT_TRUE(at::equal(transform.forward({weight, scores, mask}), matrix({0, 2}, 2)));
  transform.set_frozen(true);
  EXPECT_TRUE(at::equal(transform.forward({weight, scores, mask}), matrix({1, 0}, 2)));
}

TEST(MovementLoss, IsTheFactorTimesTheMeanOverLayersOfMeanImportances) {
  graph::Graph graph;
  const float log3 = std::log(3.0f);  // sigmoid: 3/4
  graph::Value* one = graph.add_parameter("one", matrix({log3, -log3, log3, log3}, 2).requires_grad_(true)).value();
  graph::Value* other = graph.add_parameter("other", matrix({0}, 1).requires_grad_(true)).value();
  MovementLoss loss({one, other});
  EXPECT_FALSE(loss.forward().defined()) << "nothing to add before the warm-up";
  loss.set_factor(8);
  const at::Tensor value = loss.forward();
  // ((3/4 + 1/4 + 3/4 + 3/4) / 4 + 1/2) / 2 = 0.5625
  EXPECT_NEAR(value.item<double>(), 8 * 0.5625, 1e-6);
  value.backward();
  // factor / layers / scores * s (1 - s)
  EXPECT_NEAR(one->tensor().grad()[0][0].item<double>(), 8.0 / 2 / 4 * 3 / 16, 1e-6);
  EXPECT_NEAR(other->tensor().grad().item<double>(), 8.0 / 2 / 4, 1e-6);
  EXPECT_NEAR(std::get<double>(*loss.statistics().find("mean_importance")), 0.5625, 1e-6);
  loss.release();
  EXPECT_FALSE(loss.forward().defined());
}

}  // namespace
}  // namespace pare::sparsity
