// The models, imported as graphs: the same scores as the modules themselves, for any batch.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>

#include <string>

#include "graph/import.h"
#include "gtest/gtest.h"
#include "models/model_registry.h"

namespace pare::models {
namespace {

class ImportModelsTest : public ::testing::TestWithParam<std::string> {};

// Weights that start at zero (the last layer of a residual branch) and statistics that start at 0 and 1 would hide what
// they are multiplied with.
void randomize(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : module.parameters()) {
    if (parameter.dim() < 2) parameter.add_(at::rand_like(parameter), 0.2);
    if ((parameter == 0).all().item<bool>()) parameter.normal_(0, 0.1);
  }
  for (const auto& item : module.named_buffers()) {
    at::Tensor buffer = item.value();
    if (buffer.is_floating_point() && buffer.numel() > 0) buffer.add_(at::rand_like(buffer), 0.3);
  }
}

TEST_P(ImportModelsTest, GivesTheModulesScores) {
  at::manual_seed(3);
  const auto built = make_model(GetParam(), {.num_classes = 7});
  ASSERT_TRUE(built.ok()) << built.status();
  randomize(*built->module);
  const auto model =
      graph::import_module(*built->module, [&](const std::vector<at::Tensor>& x) { return built->forward(x[0]); },
                           {at::zeros(built->input_shape)});
  ASSERT_TRUE(model.ok()) << model.status();
  built->module->eval();
  const at::NoGradGuard no_grad;
  for (const int64_t batch : {1, 2, 5}) {
    std::vector<int64_t> shape = built->input_shape;
    shape[0] = batch;
    const at::Tensor images = at::rand(shape);
    const auto scores = (*model)->forward_tensor({images});
    ASSERT_TRUE(scores.ok()) << scores.status();
    ASSERT_EQ(scores->sizes(), (at::IntArrayRef{batch, 7}));
    const at::Tensor expected = built->forward(images);
    EXPECT_TRUE(at::allclose(*scores, expected, /*rtol=*/1e-4, /*atol=*/1e-5)) << batch;
    EXPECT_GT(expected.std().item<double>(), 1e-4) << "the scores tell nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(All, ImportModelsTest,
                         ::testing::Values("mlp", "mobilenet_v2", "resnet56", "small_resnet", "vision_transformer"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace pare::models
