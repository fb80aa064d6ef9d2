#include "graph/graph.h"

#include <ATen/ATen.h>

#include "gmock/gmock.h"
#include "graph/hooks.h"
#include "graph/validate.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Scale : public Transform {
 public:
  std::string_view type() const override { return "scale"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] * inputs[1]; }
};

// y = relu(x + x), in scope "block".
struct AddRelu {
  AddRelu() {
    x = graph.add_input("x");
    add = *graph.add_operator("aten::add", "Tensor", {x, x, graph.add_constant(1)}, {.scope = "block"});
    relu = *graph.add_operator("aten::relu", "", {add->output()}, {.scope = "block"});
    graph.set_output(relu->output());
  }
  Graph graph;
  Value* x;
  Node* add;
  Node* relu;
};

TEST(Graph, NamesNodesByScopeAndOperator) {
  AddRelu g;
  Node* second = *g.graph.add_operator("aten::relu", "", {g.relu->output()}, {.scope = "block"});
  Node* top = *g.graph.add_operator("aten::relu", "", {second->output()}, {});
  EXPECT_EQ(g.add->name(), "block/aten::add");
  EXPECT_EQ(g.relu->name(), "block/aten::relu");
  EXPECT_EQ(second->name(), "block/aten::relu_1");
  EXPECT_EQ(top->name(), "aten::relu");
  EXPECT_EQ(g.graph.find_node("block/aten::relu_1"), second);
  EXPECT_EQ(g.graph.find_node("nothing"), nullptr);
}

TEST(Graph, AValueKnowsEveryUse) {
  AddRelu g;
  EXPECT_THAT(g.x->uses(), ElementsAre(Use{g.add, 0}, Use{g.add, 1}));
  EXPECT_THAT(g.relu->output()->uses(), ElementsAre(Use{nullptr, 0}));
  EXPECT_TRUE(validate(g.graph).ok());
}

TEST(Graph, ArgumentsAreFoundByTheSchemasNames) {
  AddRelu g;
  EXPECT_EQ(g.add->argument("other"), g.x);
  EXPECT_EQ(g.add->argument("alpha")->constant().toInt(), 1);
  EXPECT_EQ(g.add->argument("weight"), nullptr);
  EXPECT_EQ(g.add->argument_index("alpha"), 2);
}

TEST(Graph, UnknownOperatorsAndOverloadsAreNamed) {
  Graph graph;
  Value* x = graph.add_input("x");
  EXPECT_EQ(graph.add_operator("aten::conv9d", "", {x}, {}).status().code(), absl::StatusCode::kNotFound);
  const absl::Status status = graph.add_operator("aten::relu", "Tensor", {x}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no overload 'Tensor'"));
}

TEST(Graph, AWrongNumberOfInputsIsRefused) {
  Graph graph;
  Value* x = graph.add_input("x");
  const absl::Status status = graph.add_operator("aten::add", "Tensor", {x, x}, {}).status();
  EXPECT_EQ(status, absl::InvalidArgumentError("aten::add takes 3 inputs, 2 were given"));
  EXPECT_TRUE(x->uses().empty());
}

TEST(Graph, AnInputThatIsComputedLaterIsRefused) {
  AddRelu g;
  EXPECT_FALSE(g.graph.add_operator("aten::relu", "", {g.relu->output()}, {.before = g.add}).ok());
  EXPECT_FALSE(g.graph.set_input(g.add, 0, g.relu->output()).ok());
  EXPECT_FALSE(g.graph.replace_uses(g.x, g.relu->output()).ok());
  EXPECT_THAT(g.x->uses(), ElementsAre(Use{g.add, 0}, Use{g.add, 1}));
  EXPECT_TRUE(validate(g.graph).ok());
}

TEST(Graph, AValueOfAnotherGraphIsRefused) {
  AddRelu g, other;
  EXPECT_FALSE(g.graph.add_operator("aten::relu", "", {other.x}, {}).ok());
  EXPECT_FALSE(g.graph.set_input(g.relu, 0, other.x).ok());
}

TEST(Graph, RemovalNeedsAnUnusedNode) {
  AddRelu g;
  const absl::Status status = g.graph.remove(g.add);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("used by block/aten::relu"));
  ASSERT_TRUE(g.graph.replace_uses(g.relu->output(), g.add->output()).ok());
  EXPECT_EQ(g.graph.output(), g.add->output());
  EXPECT_TRUE(g.graph.remove(g.relu).ok());
  EXPECT_EQ(g.graph.num_nodes(), 1);
  EXPECT_TRUE(validate(g.graph).ok());
}

TEST(Graph, ManyInsertionsAtOnePlaceKeepTheOrder) {
  AddRelu g;
  for (int i = 0; i < 200; ++i) {
    Node* node = *g.graph.add_operator("aten::relu", "", {g.add->output()}, {.before = g.relu});
    ASSERT_TRUE(g.graph.is_before(g.add, node));
    ASSERT_TRUE(g.graph.is_before(node, g.relu));
  }
  EXPECT_TRUE(validate(g.graph).ok());
  EXPECT_EQ(g.graph.remove_dead_nodes(), 200);
  EXPECT_EQ(g.graph.num_nodes(), 2);
  EXPECT_TRUE(validate(g.graph).ok());
}

TEST(Graph, DeadNodesGoWithTheirProducersButSideEffectsStay) {
  AddRelu g;
  Node* a = *g.graph.add_operator("aten::relu", "", {g.add->output()}, {});
  ASSERT_TRUE(g.graph.add_operator("aten::relu", "", {a->output()}, {}).ok());
  ASSERT_TRUE(g.graph.add_operator("aten::relu_", "", {g.add->output()}, {}).ok());
  EXPECT_EQ(g.graph.remove_dead_nodes(), 2);
  EXPECT_EQ(g.graph.num_nodes(), 3);
}

TEST(Graph, ParametersHaveUniqueNamesAndAreRemovedWhenUnused) {
  AddRelu g;
  Value* scale = *g.graph.add_parameter("block.scale", at::ones({1}));
  EXPECT_EQ(g.graph.add_buffer("block.scale", at::ones({1})).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(g.graph.add_parameter("undefined", at::Tensor()).ok());
  EXPECT_EQ(g.graph.find_parameter("block.scale"), scale);
  Node* hook = *insert_post_hook(g.graph, g.add->output(), std::make_shared<Scale>(), {scale});
  EXPECT_EQ(g.graph.remove_parameter(scale).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(remove_hook(g.graph, hook).ok());
  EXPECT_TRUE(g.graph.remove_parameter(scale).ok());
  EXPECT_EQ(g.graph.find_parameter("block.scale"), nullptr);
}

TEST(Graph, TheVersionChangesWithTheStructureOnly) {
  AddRelu g;
  Value* scale = *g.graph.add_parameter("s", at::ones({1}));
  const uint64_t version = g.graph.version();
  scale->set_tensor(at::zeros({2}));
  EXPECT_EQ(g.graph.version(), version);
  ASSERT_TRUE(insert_pre_hook(g.graph, g.relu, 0, std::make_shared<Scale>(), {scale}).ok());
  EXPECT_NE(g.graph.version(), version);
}

TEST(Transform, HasNoStateUnlessItSaysSo) {
  Scale scale;
  EXPECT_EQ(scale.describe(), "scale");
  EXPECT_TRUE(scale.state().is_null());
  EXPECT_TRUE(scale.set_state(nullptr).ok());
  EXPECT_FALSE(scale.set_state({{"bits", 8}}).ok());
}

TEST(Graph, ForeignValuesAndNullAreNoOutputAndReplaceNothing) {
  AddRelu g, other;
  EXPECT_EQ(g.graph.replace_uses(g.x, other.x).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(g.graph.replace_uses(other.x, g.x).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(g.graph.replace_uses(g.x, nullptr).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(g.graph.set_input(g.relu, 0, nullptr).ok());
  EXPECT_TRUE(validate(g.graph).ok());
  g.graph.set_output(other.relu->output());
  EXPECT_EQ(g.graph.output(), nullptr);
  EXPECT_FALSE(validate(g.graph).ok());
  EXPECT_THAT(other.relu->output()->uses(), ElementsAre(Use{nullptr, 0}));
  g.graph.set_output(g.relu->output());
  g.graph.set_output(nullptr);
  EXPECT_TRUE(g.relu->output()->uses().empty());
}

TEST(Graph, TheSameConstantMayBeTheOutputTwice) {
  Graph graph;
  Value* constant = graph.add_constant(at::ones({1}));
  graph.set_output(constant);
  graph.set_output(constant);
  EXPECT_TRUE(validate(graph).ok());
}

}  // namespace
}  // namespace pare::graph
