#include "compression/sparsity/masked_layers.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/gt.h>

#include "compression/analysis/conv_net_testing.h"
#include "graph/state.h"
#include "graph/validate.h"

namespace pare::sparsity {
namespace {

using ::testing::HasSubstr;

AlgorithmConfig any_config(const std::string& path = "$.compression[0]") {
  AlgorithmConfig config = algorithm_config({{"algorithm", "magnitude_sparsity"}});
  config.path = path;
  return config;
}

std::vector<MaskedLayer> mask_all(graph::Model& model) {
  auto masked = mask_layers(model.graph(), find_weighted_layers(model.graph()), any_config());
  EXPECT_TRUE(masked.ok()) << masked.status();
  return *std::move(masked);
}

TEST(MaskedLayers, AFreshMaskChangesNothing) {
  const auto model = make_conv_net();
  const at::Tensor before = run(*model);
  const auto masked = mask_all(*model);
  ASSERT_EQ(masked.size(), 3u);
  EXPECT_EQ(masked[0].layer.name, "conv1");
  EXPECT_EQ(masked[2].mask->name(), "fc.weight.sparsity_mask");
  EXPECT_TRUE(at::equal(run(*model), before));
  EXPECT_TRUE(graph::validate(model->graph()).ok());
  EXPECT_EQ(masked[0].num_zeros(), 0);
}

TEST(MaskedLayers, ZerosStayZeroWhileTheWeightBehindThemMoves) {
  const auto model = make_conv_net();
  auto masked = mask_all(*model);
  for (MaskedLayer& layer : masked) layer.set_mask(at::gt(layer.weight(), 0));
  const at::Tensor weight = masked[0].layer.weight->tensor();
  const at::Tensor before = weight.detach().clone(), hidden = at::gt(before, 0).logical_not();
  const int64_t zeros = masked[0].num_zeros();
  for (int i = 0; i < 3; ++i) train_step(*model, 0.01);
  EXPECT_GT(zeros, 50);
  EXPECT_EQ(masked[0].num_zeros(), zeros);
  // Only weight decay moved what is masked; the rest moved by its gradient as well.
  const at::Tensor decayed = before.mul(0.9999 * 0.9999 * 0.9999);
  EXPECT_LT(weight.detach().sub(decayed).mul(hidden).abs().max().item<double>(), 1e-6);
  EXPECT_GT(weight.detach().sub(decayed).abs().max().item<double>(), 1e-4);
}

TEST(MaskedLayers, FoldingWritesTheZerosAndLeavesAPlainGraph) {
  const auto model = make_conv_net();
  auto masked = mask_all(*model);
  for (MaskedLayer& layer : masked) layer.set_mask(at::gt(layer.weight(), 0));
  const at::Tensor before = run(*model);
  const int64_t zeros = masked[1].num_zeros();
  ASSERT_TRUE(fold_masks(model->graph(), masked).ok());
  EXPECT_TRUE(at::equal(run(*model), before));
  EXPECT_EQ(masked[1].num_zeros(), zeros);
  EXPECT_TRUE(model->graph().buffers().empty());
  for (const graph::Node* node : model->graph().nodes()) EXPECT_FALSE(node->is_transform()) << node->name();
  EXPECT_TRUE(fold_masks(model->graph(), masked).ok());
}

TEST(MaskedLayers, ACheckpointKeepsMasksAndOneOfAnotherShapeIsRefused) {
  const auto model = make_conv_net(), other = make_conv_net();
  auto masked = mask_all(*model), fresh = mask_all(*other);
  for (MaskedLayer& layer : masked) layer.set_mask(at::gt(layer.weight(), 0));
  graph::ModelState state = graph::get_state(*model);
  ASSERT_TRUE(graph::set_state(*other, state).ok());
  EXPECT_TRUE(at::equal(fresh[0].mask->tensor(), masked[0].mask->tensor()));
  EXPECT_TRUE(at::equal(run(*other), run(*model)));

  state.tensors["conv1.weight.sparsity_mask"] = at::gt(masked[1].weight(), 0);
  const at::Tensor before = run(*other);
  EXPECT_THAT(graph::set_state(*other, state).message(), HasSubstr("conv1.weight.sparsity_mask"));
  EXPECT_TRUE(at::equal(run(*other), before));
}

TEST(MaskedLayers, ASecondMethodOnTheSameWeightIsRefusedByName) {
  const auto model = make_conv_net();
  mask_all(*model);
  const auto again = mask_layers(model->graph(), find_weighted_layers(model->graph()), any_config("$.compression[1]"));
  EXPECT_THAT(again.status().message(), HasSubstr("$.compression[1]"));
  EXPECT_THAT(again.status().message(), HasSubstr("magnitude_sparsity at $.compression[0]"));
  EXPECT_THAT(again.status().message(), HasSubstr("conv1.weight"));
}

}  // namespace
}  // namespace pare::sparsity
