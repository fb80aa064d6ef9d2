#include "compression/quantization/weight_placement.h"

#include "compression/analysis/test_net.h"

namespace pare::quantization {
namespace {

using graph::Value;

ScopeSet scopes(const std::vector<std::string>& names) { return ScopeSet::create(names, "/test").value(); }

class WeightPlacementTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<QuantizationPoint>> points() {
    auto context = PlacementContext::create(net_.graph(), options_);
    return place_weight_quantizers(**context);
  }
  Value* linear(const std::string& scope, Value* x, Value* weight) {
    return net_.op(scope, "aten::linear", "", {{"input", x}, {"weight", weight}});
  }
  Value* embedding(const std::string& scope, Value* ids, Value* weight) {
    return net_.op(scope, "aten::embedding", "", {{"weight", weight}, {"indices", ids}});
  }

  TestNet net_;
  PlacementOptions options_;
  Value* x_ = net_.input("x");
};

TEST_F(WeightPlacementTest, WeightsAndNoBiases) {
  Value* bias = net_.parameter("fc.bias", {8});
  Value* weight = net_.parameter("fc.weight", {8, 3});
  graph::Node* fc = net_.node("fc", "aten::linear", "", {{"input", x_}, {"weight", weight}, {"bias", bias}});
  const auto made = points();
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->size(), 1u);
  EXPECT_EQ(made->front().value, weight);
  EXPECT_EQ(made->front().uses, (std::vector<graph::Use>{{fc, 1}}));
  EXPECT_EQ(made->front().served, (std::vector<graph::Node*>{fc}));
  EXPECT_TRUE(made->front().is_weight);
}

TEST_F(WeightPlacementTest, ASharedWeightIsQuantizedOnce) {
  Value* table = net_.parameter("table", {10, 3});
  Value* ids = net_.input("ids");
  linear("head", embedding("token", ids, table), table);
  const auto made = points();
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->size(), 1u);
  EXPECT_EQ(made->front().uses.size(), 2u);
  EXPECT_EQ(made->front().channel_axis, 0);
  EXPECT_TRUE(made->front().config.per_channel);
}

TEST_F(WeightPlacementTest, UsesThatDisagreeOnTheAxisShareARangeForAll) {
  Value* weight = net_.parameter("w", {4, 4});
  linear("rows", x_, weight);
  net_.matmul("columns", x_, weight);
  const auto made = points();
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->size(), 1u);
  EXPECT_FALSE(made->front().config.per_channel);
  options_.weights.per_channel = true;
  EXPECT_EQ(points()->size(), 2u);
}

TEST_F(WeightPlacementTest, DifferentConfigsOfASharedWeight) {
  Value* weight = net_.parameter("w", {4, 4});
  linear("a", x_, weight);
  linear("b", x_, weight);
  options_.weight_overrides = {{scopes({"b"}), {.bits = 4}}};
  const auto made = points();
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->size(), 2u);
  EXPECT_EQ((*made)[0].config.bits, 8);
  EXPECT_EQ((*made)[1].config.bits, 4);
}

TEST_F(WeightPlacementTest, DifferentConfigsThroughOneTransposeAreAnError) {
  Value* transposed = net_.unary("t", "aten::t", net_.parameter("w", {4, 4}));
  net_.matmul("a", x_, transposed);
  net_.matmul("b", x_, transposed);
  EXPECT_EQ(points()->size(), 1u);
  options_.weight_overrides = {{scopes({"b"}), {.bits = 4, .paths = {{"bits", "$.overrides.b.bits"}}}}};
  const absl::Status refused = points().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message().find("$.overrides.b.bits: "), 0u) << refused;
}

TEST_F(WeightPlacementTest, AReshapedWeightHasNoChannels) {
  Value* view = net_.op("v", "aten::view", "",
                        {{"self", net_.parameter("w", {16})}, {"size", c10::IValue(std::vector<int64_t>{4, 4})}});
  net_.matmul("m", x_, view);
  EXPECT_FALSE(points()->front().config.per_channel);
  options_.weights.per_channel = true;
  options_.weights.paths["per_channel"] = "$.weights.per_channel";
  const auto refused = points();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.status().message().find("$.weights.per_channel: m/aten::matmul"), 0u) << refused.status();
}

}  // namespace
}  // namespace pare::quantization
