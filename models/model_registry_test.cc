#include "models/model_registry.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include "models/mlp.h"
#include "models/model_test_util.h"

namespace pare::models {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

TEST(ModelRegistryTest, KnowsTheBuiltInModels) {
  EXPECT_THAT(model_names(),
              IsSupersetOf({"mlp", "mobilenet_v2", "resnet20", "resnet56", "small_resnet", "vision_transformer"}));
  EXPECT_TRUE(has_model("resnet20"));
  EXPECT_FALSE(has_model("resnet21"));
}

TEST(ModelRegistryTest, EveryModelClassifiesItsInputShape) {
  for (const std::string& name : model_names()) {
    const auto model = make_model(name, {.num_classes = 4});
    ASSERT_TRUE(model.ok()) << name << ": " << model.status();
    model->module->eval();
    EXPECT_EQ(model->forward(test_images(*model, 2)).sizes(), (at::IntArrayRef{2, 4})) << name;
  }
}

TEST(ModelRegistryTest, ATraceOfOneImageRunsWithAnyBatch) {
  for (const std::string& name : model_names()) {
    const auto model = make_model(name, {.num_classes = 4});
    ASSERT_TRUE(model.ok()) << name << ": " << model.status();
    model->module->eval();
    for (at::Tensor parameter : model->module->parameters()) parameter.set_requires_grad(false);
    const auto traced = torch::jit::tracer::trace(
        {test_images(*model, 1)},
        [&](torch::jit::Stack inputs) { return torch::jit::Stack{model->forward(inputs.at(0).toTensor())}; },
        [](const at::Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/false);
    const at::Tensor images = test_images(*model, 3);
    torch::jit::Stack stack = {images};
    torch::jit::InterpreterState(torch::jit::Code(traced.first->graph, name)).run(stack);
    EXPECT_TRUE(at::allclose(stack.at(0).toTensor(), model->forward(images), 1e-4, 1e-5)) << name;
  }
}

TEST(ModelRegistryTest, TheSeedMakesTheWeightsAndLeavesTheGeneratorAlone) {
  at::manual_seed(5);
  const at::Tensor expected = at::rand({4});
  at::manual_seed(5);
  const auto first = make_model("small_resnet", {.seed = 3}), second = make_model("small_resnet", {.seed = 3});
  EXPECT_TRUE(at::equal(at::rand({4}), expected));
  const auto other = make_model("small_resnet", {.seed = 4});
  ASSERT_TRUE(first.ok() && second.ok() && other.ok());
  EXPECT_TRUE(at::equal(first->module->parameters()[0], second->module->parameters()[0]));
  EXPECT_FALSE(at::equal(first->module->parameters()[0], other->module->parameters()[0]));
}

TEST(ModelRegistryTest, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  const auto model = make_model("resnet21", {});
  EXPECT_EQ(model.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(model.status().message(), AllOf(HasSubstr("'resnet21'"), HasSubstr("resnet20, resnet56")));
}

TEST(ModelRegistryTest, TakesModelsOfOnesOwn) {
  const auto factory = [](const ModelOptions& options) { return make_mlp({.layers = 0}, options); };
  ASSERT_TRUE(register_model("registry_test_linear", factory).ok());
  EXPECT_TRUE(make_model("registry_test_linear", {}).ok());
  EXPECT_EQ(register_model("registry_test_linear", factory).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(register_model("", factory).ok());
  EXPECT_FALSE(register_model("registry_test_none", nullptr).ok());
}

}  // namespace
}  // namespace pare::models
