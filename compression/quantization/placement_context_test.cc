#include "compression/quantization/placement_context.h"

#include "compression/analysis/test_net.h"

namespace pare::quantization {
namespace {

using c10::IValue;
using graph::Value;

ScopeSet scopes(const std::vector<std::string>& names) { return ScopeSet::create(names, "/test").value(); }

class PlacementContextTest : public ::testing::Test {
 protected:
  std::unique_ptr<PlacementContext> context() {
    auto made = PlacementContext::create(net_.graph(), options_);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  TestNet net_;
  PlacementOptions options_;
  Value* x_ = net_.input("x");
};

TEST_F(PlacementContextTest, RefusesUnknownChoices) {
  for (std::string PlacementOptions::*option :
       {&PlacementOptions::target_device, &PlacementOptions::preset, &PlacementOptions::overflow_fix}) {
    PlacementOptions options;
    options.*option = "nonsense";
    const auto made = PlacementContext::create(net_.graph(), options);
    EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(made.status().message().find("nonsense"), std::string::npos);
  }
}

TEST_F(PlacementContextTest, ScopesOfWeightsAndActivations) {
  graph::Node* a = net_.conv("a", x_, 3, 8)->producer();
  graph::Node* b = net_.conv("b", x_, 3, 8)->producer();
  options_.ignored_weights = scopes({"a"});
  options_.target_activations = scopes({"a"});
  const auto made = context();
  EXPECT_FALSE(made->quantizes_weights(a));
  EXPECT_TRUE(made->quantizes_weights(b));
  EXPECT_TRUE(made->quantizes_activations(a));
  EXPECT_FALSE(made->quantizes_activations(b));
}

TEST_F(PlacementContextTest, ALaterOverrideWins) {
  graph::Node* a = net_.conv("a", x_, 3, 8)->producer();
  graph::Node* b = net_.conv("b", x_, 3, 8)->producer();
  options_.weights.bits = 6;
  options_.weight_overrides = {{scopes({"{re}."}), {.bits = 4}}, {scopes({"b"}), {.bits = 2}}};
  const auto made = context();
  EXPECT_EQ(made->weight_configs(a)->front().bits, 4);
  EXPECT_EQ(made->weight_configs(b)->front().bits, 2);
  EXPECT_EQ(made->activation_configs(a)->front().bits, 8);
}

TEST_F(PlacementContextTest, TransposedConvolutionsHaveTheirChannelsSecond) {
  Value* w = net_.parameter("w", {3, 8, 2, 2});
  Value* direct = net_.op("t", "aten::conv_transpose2d", "input", {{"input", x_}, {"weight", w}});
  const TestNet::Arguments arguments{{"input", x_},
                                     {"weight", w},
                                     {"stride", IValue(std::vector<int64_t>{1, 1})},
                                     {"padding", IValue(std::vector<int64_t>{0, 0})},
                                     {"dilation", IValue(std::vector<int64_t>{1, 1})},
                                     {"transposed", IValue(true)},
                                     {"output_padding", IValue(std::vector<int64_t>{0, 0})},
                                     {"groups", IValue(int64_t{1})}};
  Value* general = net_.op("c", "aten::convolution", "", arguments);
  Value* plain = net_.conv("plain", x_, 3, 8);
  EXPECT_EQ(context()->weight(direct->producer())->source.channel_axis, 1);
  EXPECT_EQ(context()->weight(general->producer())->source.channel_axis, 1);
  EXPECT_EQ(context()->weight(plain->producer())->source.channel_axis, 0);
}

TEST_F(PlacementContextTest, EitherOperandOfAMatmulMayBeTheWeight) {
  Value* w = net_.parameter("w", {4, 4});
  Value* on_the_right = net_.matmul("r", x_, w);
  Value* on_the_left = net_.matmul("l", w, x_);
  Value* neither = net_.matmul("n", x_, x_);
  const auto right = context()->weight(on_the_right->producer());
  const auto left = context()->weight(on_the_left->producer());
  ASSERT_TRUE(right.has_value());
  EXPECT_EQ(right->input, 1u);
  EXPECT_EQ(right->source.channel_axis, 1);
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->input, 0u);
  EXPECT_EQ(left->source.channel_axis, 0);
  EXPECT_FALSE(context()->weight(neither->producer()).has_value());
}

TEST_F(PlacementContextTest, OverflowFix) {
  Value* first = net_.conv("first", net_.relu("relu", x_), 3, 8);
  graph::Node* second = net_.conv("second", first, 8, 8)->producer();
  const auto halves = [&](const graph::Node* node) { return context()->weight_configs(node)->front().half_range; };
  EXPECT_FALSE(halves(first->producer()));
  options_.overflow_fix = "enable";
  EXPECT_TRUE(halves(first->producer()));
  EXPECT_TRUE(halves(second));
  EXPECT_FALSE(context()->activation_configs(second)->front().half_range);
  options_.overflow_fix = "first_layer_only";
  EXPECT_TRUE(halves(first->producer()));
  EXPECT_FALSE(halves(second));
  options_.overflow_fix = "enable";
  options_.target_device = "GPU";
  EXPECT_FALSE(halves(second));
  options_.target_device = "ANY";
  options_.weights.bits = 4;
  EXPECT_FALSE(halves(second));
}

}  // namespace
}  // namespace pare::quantization
