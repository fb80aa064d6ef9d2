#include "compression/quantization/hessian_trace.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include "compression/analysis/calibration_net.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

using ::testing::HasSubstr;

// logits = x W^T: of the mean cross entropy the Hessian by W is, for a sample, (diag(p) - p p^T) times x x^T, whose
// trace is (1 - sum p^2) |x|^2 (Boehning 1992).
std::shared_ptr<graph::Model> softmax_regression(const at::Tensor& weight) {
  auto graph = std::make_unique<graph::Graph>();
  graph::Value* x = graph->add_input("x");
  graph::Value* w = graph->add_parameter("fc.weight", weight.clone().set_requires_grad(true)).value();
  graph->set_output(
      graph->add_operator("aten::linear", "", {x, w, graph->add_constant({})}, {.scope = "fc"}).value()->output());
  return std::make_shared<graph::Model>(std::move(graph));
}

// Batches of rows with targets 0, 1, 2, ...
class LabelledLoader : public TensorLoader {
 public:
  using TensorLoader::TensorLoader;
  absl::StatusOr<std::optional<data::Batch>> next() override {
    auto batch = TensorLoader::next();
    if (batch.ok() && batch->has_value()) (*batch)->targets = at::ones({(*batch)->size()}, at::kLong);
    return batch;
  }
};

TEST(HessianTrace, IsTheOneOfTheFormula) {
  const at::Tensor weight = scattered({3, 4}, 1), x = scattered({10, 4}, 2);
  const auto model = softmax_regression(weight);
  LabelledLoader loader(x, 4);
  const auto traces = average_hessian_traces(*model, {model->graph().find_parameter("fc.weight")}, loader,
                                             {.num_data_points = 10, .max_iterations = 3000, .tolerance = 0});
  ASSERT_TRUE(traces.ok()) << traces.status();
  const at::Tensor p = at::softmax(x.matmul(weight.t()), 1);
  const double expected =
      p.square().sum(1).neg().add(1).mul(x.square().sum(1)).mean().item<double>() / static_cast<double>(weight.numel());
  EXPECT_NEAR((*traces)[0], expected, 0.05 * expected);
  EXPECT_FALSE(model->graph().find_parameter("fc.weight")->tensor().grad().defined());
}

TEST(HessianTrace, LooksThroughConvolutionsAndIsTheSameForASeed) {
  const auto model = make_calibration_net();
  for (graph::Value* value : model->graph().parameters()) value->tensor().set_requires_grad(true);
  // [B, 3, 4, 4]: classes with a place each; the targets are of the same shape without the classes.
  class Pictures : public TensorLoader {
   public:
    using TensorLoader::TensorLoader;
    absl::StatusOr<std::optional<data::Batch>> next() override {
      auto batch = TensorLoader::next();
      if (batch.ok() && batch->has_value()) (*batch)->targets = at::ones({(*batch)->size(), 4, 4}, at::kLong);
      return batch;
    }
  };
  Pictures loader(scattered({6, 2, 4, 4}, 5), 4);
  const std::vector<graph::Value*> weights = {model->graph().find_parameter("conv1.weight"),
                                              model->graph().find_parameter("conv2.weight")};
  const HessianTraceOptions options = {.num_data_points = 5, .max_iterations = 20};
  const auto first = average_hessian_traces(*model, weights, loader, options);
  const auto second = average_hessian_traces(*model, weights, loader, options);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, *second);
  EXPECT_GT((*first)[1], 0);
  EXPECT_NE((*first)[0], (*first)[1]);
}

TEST(HessianTrace, RefusesWhatCannotBeLookedAt) {
  const auto model = softmax_regression(at::ones({3, 4}));
  graph::Value* weight = model->graph().find_parameter("fc.weight");
  TensorLoader unlabelled(at::ones({4, 4}), 4);
  EXPECT_THAT(average_hessian_traces(*model, {weight}, unlabelled, {}).status().message(), HasSubstr("targets"));
  LabelledLoader empty(at::ones({0, 4}), 4);
  EXPECT_THAT(average_hessian_traces(*model, {weight}, empty, {}).status().message(), HasSubstr("no samples"));
  graph::Value* unused = model->graph().add_parameter("unused", at::ones({2}).set_requires_grad(true)).value();
  LabelledLoader loader(at::ones({4, 4}), 4);
  EXPECT_THAT(average_hessian_traces(*model, {unused}, loader, {}).status().message(),
              HasSubstr("unused does not change"));
  graph::Value* fixed = model->graph().add_parameter("fixed", at::ones({2})).value();
  EXPECT_THAT(average_hessian_traces(*model, {fixed}, loader, {}).status().message(), HasSubstr("no gradient"));
}

}  // namespace
}  // namespace pare::quantization
