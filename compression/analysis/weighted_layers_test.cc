#include "compression/analysis/weighted_layers.h"

#include "compression/analysis/test_net.h"
#include "gmock/gmock.h"
#include "graph/hooks.h"

namespace pare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const std::vector<WeightedLayer>& layers) {
  std::vector<std::string> result;
  for (const WeightedLayer& layer : layers) result.push_back(layer.name);
  return result;
}

AlgorithmConfig config_of(std::vector<std::string> target, std::vector<std::string> ignored) {
  AlgorithmConfig config;
  config.name = "some_method";
  config.path = "$.compression";
  config.target_scopes = std::move(target);
  config.ignored_scopes = std::move(ignored);
  return config;
}

// x -> conv -> transposed convolution -> flatten -> linear -> product with a transposed parameter
class WeightedLayersTest : public ::testing::Test {
 protected:
  WeightedLayersTest() {
    graph::Value* x = net_.conv("conv", net_.input("x"), 3, 8);
    x = net_.op("up", "aten::conv_transpose2d", "input",
                {{"input", x}, {"weight", net_.parameter("up.weight", {8, 4, 2, 2})}});
    x = net_.linear("fc", net_.flatten("flat", x), 64, 10);
    graph::Value* transposed = net_.unary("head", "aten::t", net_.parameter("head.weight", {5, 10}));
    net_.output(net_.matmul("head", x, transposed));
  }
  TestNet net_;
};

TEST_F(WeightedLayersTest, FindsEachWeightWithItsAxes) {
  const auto layers = find_weighted_layers(net_.graph());
  ASSERT_THAT(names(layers), ElementsAre("conv", "up", "fc", "head"));
  EXPECT_EQ(layers[0].kind, LayerKind::kConvolution);
  EXPECT_EQ(layers[0].output_axis, 0);
  EXPECT_EQ(layers[0].input_axis, 1);
  EXPECT_EQ(layers[1].output_axis, 1);
  EXPECT_EQ(layers[1].input_axis, 0);
  EXPECT_EQ(layers[2].kind, LayerKind::kLinear);
  EXPECT_EQ(layers[3].kind, LayerKind::kLinear);
  // A column of the right operand is a row of the parameter that was transposed.
  EXPECT_EQ(layers[3].output_axis, 0);
  EXPECT_EQ(layers[3].input_axis, 1);
}

TEST_F(WeightedLayersTest, ScopesChoose) {
  const auto all = [&] { return find_weighted_layers(net_.graph()); };
  const auto select = [&](std::vector<std::string> target, std::vector<std::string> ignored) {
    return select_layers(all(), net_.graph(), config_of(std::move(target), std::move(ignored)));
  };
  EXPECT_THAT(names(*select({}, {"conv"})), ElementsAre("up", "fc", "head"));
  EXPECT_THAT(names(*select({"{re}conv", "fc"}, {})), ElementsAre("conv", "up", "fc"));
  EXPECT_THAT(select({"nothing"}, {}).status().message(), HasSubstr("$.compression.target_scopes"));
  EXPECT_THAT(select({"flat"}, {}).status().message(), HasSubstr("finds no layer"));
  const auto linear = select_layers(all(), net_.graph(), config_of({}, {}),
                                    [](const WeightedLayer& layer) { return layer.kind == LayerKind::kLinear; });
  EXPECT_THAT(names(*linear), ElementsAre("fc", "head"));
}

TEST(WeightedLayers, AWeightThatTwoOperatorsShareIsOneLayer) {
  TestNet net;
  graph::Value* weight = net.parameter("shared.weight", {4, 4});
  graph::Value* x = net.op("one", "aten::linear", "", {{"input", net.input("x")}, {"weight", weight}});
  net.output(net.op("two", "aten::linear", "", {{"input", x}, {"weight", weight}}));
  const auto layers = find_weighted_layers(net.graph());
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].operators.size(), 2u);
  const auto half = select_layers(layers, net.graph(), config_of({}, {"one"}));
  EXPECT_THAT(half.status().message(), HasSubstr("share the weight shared.weight"));
}

TEST(WeightedLayers, LooksThroughOtherMethodsTransforms) {
  struct Halve : graph::Transform {
    std::string_view type() const override { return "halve"; }
    at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0].mul(0.5); }
  };
  TestNet net;
  net.output(net.conv("conv", net.input("x"), 3, 8));
  graph::Value* weight = net.graph().find_parameter("conv.weight");
  ASSERT_TRUE(graph::insert_weight_hook(net.graph(), weight, std::make_shared<Halve>(), {}).ok());
  const auto layers = find_weighted_layers(net.graph());
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].weight, weight);
  EXPECT_EQ(layers[0].output_axis, 0);
}

}  // namespace
}  // namespace pare
