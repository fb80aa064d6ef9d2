#include "training/batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "graph/validate.h"
#include "training/testing.h"

namespace pare::training {
namespace {

at::Tensor running_mean(graph::Model& model) { return model.graph().find_parameter("norm.running_mean")->tensor(); }

TEST(FrozenBatchNorm, KeepsTheStatisticsWhileItLives) {
  auto model = testing::make_tiny_model();
  auto loader = testing::make_tiny_data(1);
  model->train();
  const at::Tensor before = running_mean(*model).clone();
  {
    const FrozenBatchNorm frozen(model->graph());
    EXPECT_EQ(frozen.size(), 1u);
    EXPECT_TRUE(graph::validate(model->graph()).ok());
    ASSERT_TRUE(model->forward_tensor(loader.batches()[0].inputs).ok());
    EXPECT_TRUE(at::equal(running_mean(*model), before));
  }
  EXPECT_TRUE(graph::validate(model->graph()).ok());
  ASSERT_TRUE(model->forward_tensor(loader.batches()[0].inputs).ok());
  const at::Tensor expected = before * 0.9 + loader.batches()[0].inputs[0].mean(0) * 0.1;
  EXPECT_TRUE(at::allclose(running_mean(*model), expected)) << "training mode is back";
}

TEST(FrozenBatchNorm, LeavesTheScaleLearnable) {
  auto model = testing::make_tiny_model();
  auto loader = testing::make_tiny_data(1);
  model->train();
  const FrozenBatchNorm frozen(model->graph());
  const auto output = model->forward_tensor(loader.batches()[0].inputs);
  ASSERT_TRUE(output.ok()) << output.status();
  output->square().sum().backward();
  EXPECT_TRUE(model->graph().find_parameter("norm.weight")->tensor().grad().defined());
}

TEST(FrozenBatchNorm, AGraphWithoutBatchNormsIsFine) {
  graph::Graph graph;
  graph.set_output(graph.add_input("x"));
  const FrozenBatchNorm frozen(graph);
  EXPECT_EQ(frozen.size(), 0u);
}

}  // namespace
}  // namespace pare::training
