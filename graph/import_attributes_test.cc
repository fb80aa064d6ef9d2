#include "graph/import_attributes.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

namespace pare::graph {
namespace {

class ImportAttributesTest : public testing::Test {
 protected:
  ImportAttributesTest() {
    layer_.register_parameter("weight", at::ones({2}).set_requires_grad(true), false);
    layer_.register_buffer("mean", at::zeros({2}));
    model_.register_module("layer", layer_);
    model_.register_parameter("head", at::ones({3}), false);
    model_.register_attribute("training", c10::BoolType::get(), true);
    model_.register_attribute("sizes", c10::ListType::ofInts(), std::vector<int64_t>{1, 2});
  }

  const c10::ivalue::Object* object(const torch::jit::Module& module) { return module._ivalue().get(); }

  torch::jit::Module layer_{"Layer"}, model_{"Net"};
  Graph graph_;
};

TEST_F(ImportAttributesTest, TensorsAreNamedAndOrderedAsInAStateDict) {
  auto attributes = ImportAttributes::create(graph_, model_, true);
  ASSERT_TRUE(attributes.ok()) << attributes.status();
  ASSERT_EQ(graph_.parameters().size(), 2u);
  EXPECT_EQ(graph_.parameters()[0]->name(), "head");
  EXPECT_EQ(graph_.parameters()[1]->name(), "layer.weight");
  EXPECT_TRUE(graph_.parameters()[1]->tensor().requires_grad());
  EXPECT_FALSE(graph_.parameters()[0]->tensor().requires_grad());
  EXPECT_EQ(graph_.buffers()[0]->name(), "layer.mean");
  EXPECT_EQ(attributes->get(object(layer_), "mean")->value, graph_.buffers()[0]);
  const NodePlace place = attributes->place_of(object(layer_), {});
  EXPECT_EQ(place.scope, "layer");
  EXPECT_EQ(place.scope_types, (std::vector<std::string>{"Net", "Layer"}));
}

TEST_F(ImportAttributesTest, ACopySharesNoMemoryWithTheModule) {
  ASSERT_TRUE(ImportAttributes::create(graph_, model_, true).ok());
  graph_.parameters()[0]->tensor().zero_();
  EXPECT_TRUE(at::equal(model_.attr("head").toTensor(), at::ones({3})));
}

TEST_F(ImportAttributesTest, TiedTensorsAreOneParameterAndFoundInLists) {
  model_.register_parameter("tied", model_.attr("head").toTensor().detach(), false);
  model_.register_attribute("all", c10::ListType::ofTensors(),
                            c10::List<at::Tensor>({model_.attr("head").toTensor().detach(), at::ones({7})}));
  auto attributes = ImportAttributes::create(graph_, model_, true);
  ASSERT_TRUE(attributes.ok());
  EXPECT_EQ(graph_.parameters().size(), 2u);
  EXPECT_EQ(attributes->get(object(model_), "tied")->value, graph_.find_parameter("head"));
  const ImportValue all = *attributes->get(object(model_), "all");
  EXPECT_EQ(all.container->elements[0].value, graph_.find_parameter("head"));
  EXPECT_EQ(all.container->elements[1].kind, ImportValue::Kind::kConstant);
}

TEST_F(ImportAttributesTest, TheModeIsEvaluationAndListsAreShared) {
  auto attributes = ImportAttributes::create(graph_, model_, true);
  EXPECT_FALSE(attributes->get(object(model_), "training")->known.toBool());
  EXPECT_EQ(attributes->get(object(model_), "sizes")->container, attributes->get(object(model_), "sizes")->container);
  EXPECT_EQ(attributes->get(object(model_), "nothing").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ImportAttributesTest, StateThatSurvivesACallIsRefused) {
  auto attributes = ImportAttributes::create(graph_, model_, true);
  EXPECT_TRUE(attributes->set(object(model_), "sizes", ImportValue::constant(1)).ok()) << "written, never read";
  EXPECT_EQ(attributes->get(object(model_), "sizes")->known.toInt(), 1);
  ASSERT_TRUE(attributes->get(object(model_), "head").ok());
  EXPECT_EQ(attributes->set(object(model_), "head", ImportValue::constant(1)).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::graph
