#include "graph/profile.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "gtest/gtest.h"

namespace pare::graph {
namespace {

const std::vector<int64_t> kOne = {1, 1};
const std::vector<int64_t> kZero = {0, 0};

TEST(Profile, CountsConvolutionsAndMatrixProducts) {
  auto owned = std::make_unique<Graph>();
  Graph& graph = *owned;
  const auto constant = [&](c10::IValue value) { return graph.add_constant(std::move(value)); };
  Value* x = graph.add_input("x");
  Value* weight = *graph.add_parameter("conv.weight", at::zeros({8, 2, 3, 3}));
  Node* conv = *graph.add_operator(
      "aten::conv2d", "", {x, weight, constant({}), constant(kOne), constant(kOne), constant(kOne), constant(2)}, {});
  Node* relu = *graph.add_operator("aten::relu", "", {conv->output()}, {});
  Node* flat = *graph.add_operator("aten::flatten", "using_ints", {relu->output(), constant(1), constant(-1)}, {});
  Value* fc = *graph.add_parameter("fc.weight", at::zeros({200, 5}));
  Value* bias = *graph.add_parameter("fc.bias", at::zeros({5}));
  Node* linear = *graph.add_operator("aten::addmm", "", {bias, flat->output(), fc, constant(1), constant(1)}, {});
  graph.set_output(linear->output());
  Model model(std::move(owned));
  const absl::StatusOr<ModelProfile> profile = profile_model(model, {at::zeros({1, 4, 5, 5})});
  ASSERT_TRUE(profile.ok()) << profile.status();
  ASSERT_EQ(profile->nodes.size(), 4);
  EXPECT_EQ(profile->nodes[0].output_shape, (std::vector<int64_t>{1, 8, 5, 5}));
  // 2 * (4 / 2 channels) * 9 * 8 * 25.
  EXPECT_EQ(profile->nodes[0].flops, 7200);
  EXPECT_EQ(profile->nodes[0].parameters, 144);
  EXPECT_EQ(profile->nodes[1].flops, 0);
  EXPECT_EQ(profile->nodes[1].parameters, 0);
  // 2 * 200 * 5.
  EXPECT_EQ(profile->nodes[3].flops, 2000);
  EXPECT_EQ(profile->nodes[3].parameters, 1005);
  EXPECT_EQ(profile->flops, 9200);
  EXPECT_EQ(profile->parameters, 1149);
}

TEST(Profile, ATransposedConvolutionIsCountedByItsInput) {
  auto owned = std::make_unique<Graph>();
  Graph& graph = *owned;
  const auto constant = [&](c10::IValue value) { return graph.add_constant(std::move(value)); };
  Value* x = graph.add_input("x");
  Value* weight = *graph.add_parameter("up.weight", at::zeros({4, 3, 2, 2}));
  const std::vector<int64_t> two = {2, 2};
  Node* up = *graph.add_operator(
      "aten::conv_transpose2d", "input",
      {x, weight, constant({}), constant(two), constant(kZero), constant(kZero), constant(1), constant(kOne)}, {});
  graph.set_output(up->output());
  Model model(std::move(owned));
  const absl::StatusOr<ModelProfile> profile = profile_model(model, {at::zeros({1, 4, 5, 5})});
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->nodes[0].output_shape, (std::vector<int64_t>{1, 3, 10, 10}));
  // 2 * 100 input elements * 12 weights each.
  EXPECT_EQ(profile->flops, 2400);
}

TEST(Profile, AWrongShapeIsTheModelsError) {
  auto owned = std::make_unique<Graph>();
  Value* x = owned->add_input("x");
  Node* t = *owned->add_operator("aten::t", "", {x}, {});
  owned->set_output(t->output());
  Model model(std::move(owned));
  EXPECT_EQ(profile_model(model, {at::zeros({1, 2, 3})}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(profile_model(model, {at::zeros({1, 2})}).ok());
}

TEST(Profile, AUsersObserverIsPutBack) {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("x");
  graph->set_output((*graph->add_operator("aten::relu", "", {x}, {}))->output());
  Model model(std::move(graph));
  int seen = 0;
  model.set_observer([&](const Node&, at::ArrayRef<c10::IValue>) { ++seen; });
  ASSERT_TRUE(profile_model(model, {at::ones({1})}).ok());
  EXPECT_EQ(seen, 0);
  ASSERT_TRUE(model.forward_tensor({at::ones({1})}).ok());
  EXPECT_EQ(seen, 1);
  EXPECT_FALSE(profile_model(model, {}).ok());
  ASSERT_TRUE(model.forward_tensor({at::ones({1})}).ok());
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace pare::graph
