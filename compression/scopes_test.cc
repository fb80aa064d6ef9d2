#include "compression/scopes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// The names of the nodes are those of a residual network; what they compute does not matter here.
class Scopes : public ::testing::Test {
 protected:
  Scopes() {
    x_ = graph_.add_input("x");
    stem_ = add("aten::_convolution", {"ResNet", "Conv2d"}, "conv1");
    relu_ = add("aten::relu", {"ResNet", "ReLU"}, "relu");
    conv_ = add("aten::conv2d", {"ResNet", "Sequential", "BasicBlock", "Conv2d"}, "layer1.0.conv1");
    relu_a_ = add("aten::relu", {"ResNet", "Sequential", "BasicBlock", "ReLU"}, "layer1.0.relu");
    sum_ = add("aten::add", {"ResNet", "Sequential", "BasicBlock"}, "layer1.0");
    relu_b_ = add("aten::relu", {"ResNet", "Sequential", "BasicBlock", "ReLU"}, "layer1.0.relu");
    flatten_ = add("aten::flatten", {"ResNet"}, "");
    fc_ = add("aten::linear", {"ResNet", "Linear"}, "fc");
    unknown_ = add("aten::relu", {"ResNet"}, "layer10.0.relu");
  }

  graph::Node* add(const std::string& op, std::vector<std::string> types, const std::string& scope) {
    const graph::NodePlace place{.scope = scope, .scope_types = std::move(types)};
    const auto constant = [&](c10::IValue value) { return graph_.add_constant(std::move(value)); };
    const auto ints = [&] { return constant(c10::List<int64_t>({1, 1})); };
    std::vector<graph::Value*> inputs = {x_};
    std::string overload;
    if (op == "aten::conv2d") inputs = {x_, x_, constant({}), ints(), ints(), ints(), constant(1)};
    if (op == "aten::_convolution") {
      inputs = {x_,     x_,          constant({}),    ints(),          ints(),          ints(),         constant(false),
                ints(), constant(1), constant(false), constant(false), constant(false), constant(false)};
    }
    if (op == "aten::add") {
      inputs = {x_, x_, constant(1)};
      overload = "Tensor";
    }
    if (op == "aten::linear") inputs = {x_, x_, constant({})};
    if (op == "aten::flatten") {
      inputs = {x_, constant(1), constant(-1)};
      overload = "using_ints";
    }
    absl::StatusOr<graph::Node*> node = graph_.add_operator(op, overload, inputs, place);
    EXPECT_TRUE(node.ok()) << node.status();
    return node.value();
  }

  std::vector<const graph::Node*> matching(const std::vector<std::string>& scopes) {
    const absl::StatusOr<ScopeSet> set = ScopeSet::create(scopes, "$.ignored_scopes");
    EXPECT_TRUE(set.ok()) << set.status();
    std::vector<const graph::Node*> nodes;
    for (const graph::Node* node : graph_.nodes()) {
      if (set->matches(*node)) nodes.push_back(node);
    }
    return nodes;
  }

  graph::Graph graph_;
  graph::Value* x_;
  graph::Node *stem_, *relu_, *conv_, *relu_a_, *sum_, *relu_b_, *flatten_, *fc_, *unknown_;
};

TEST_F(Scopes, ANodeHasItsOwnNamesAndNncfs) {
  EXPECT_THAT(scope_names(*conv_),
              UnorderedElementsAre("layer1.0.conv1/aten::conv2d", "layer1.0.conv1",
                                   "ResNet/Sequential[layer1]/BasicBlock[0]/NNCFConv2d[conv1]/conv2d_0",
                                   "ResNet/Sequential[layer1]/BasicBlock[0]/Conv2d[conv1]/conv2d_0"));
  EXPECT_THAT(scope_names(*stem_), Contains("ResNet/NNCFConv2d[conv1]/conv2d_0"));
  EXPECT_THAT(scope_names(*fc_), Contains("ResNet/NNCFLinear[fc]/linear_0"));
  EXPECT_THAT(scope_names(*relu_), UnorderedElementsAre("relu/aten::relu", "relu", "ResNet/ReLU[relu]/relu_0",
                                                        "ResNet/ReLU[relu]/RELU_0", "ResNet/ReLU[relu]/relu__0"));
  EXPECT_THAT(scope_names(*sum_), AllOf(Contains("ResNet/Sequential[layer1]/BasicBlock[0]/__add___0"),
                                        Contains("ResNet/Sequential[layer1]/BasicBlock[0]/__iadd___0")));
  EXPECT_THAT(scope_names(*flatten_), UnorderedElementsAre("aten::flatten", "ResNet/flatten_0"));
}

TEST_F(Scopes, TheSecondCallWithinAModuleHasNumberOne) {
  EXPECT_THAT(scope_names(*relu_a_), Contains("ResNet/Sequential[layer1]/BasicBlock[0]/ReLU[relu]/RELU_0"));
  EXPECT_THAT(scope_names(*relu_b_), Contains("ResNet/Sequential[layer1]/BasicBlock[0]/ReLU[relu]/RELU_1"));
}

TEST_F(Scopes, WithoutClassesThereIsNoNncfName) {
  EXPECT_THAT(scope_names(*unknown_), ElementsAre("layer10.0.relu/aten::relu", "layer10.0.relu"));
}

TEST_F(Scopes, ExactNames) {
  EXPECT_THAT(matching({"layer1.0.conv1/aten::conv2d"}), ElementsAre(conv_));
  EXPECT_THAT(matching({"ResNet/NNCFConv2d[conv1]/conv2d_0", "ResNet/NNCFLinear[fc]/linear_0"}),
              ElementsAre(stem_, fc_));
  EXPECT_THAT(matching({"ResNet/Sequential[layer1]/BasicBlock[0]/ReLU[relu]/RELU_1"}), ElementsAre(relu_b_));
  EXPECT_THAT(matching({"conv"}), IsEmpty()) << "a part of a name is not the name";
  EXPECT_THAT(matching({}), IsEmpty());
}

TEST_F(Scopes, AModulePathNamesWhatIsBelowIt) {
  EXPECT_THAT(matching({"layer1"}), ElementsAre(conv_, relu_a_, sum_, relu_b_)) << "but not layer10";
  EXPECT_THAT(matching({"layer1.0.relu"}), ElementsAre(relu_a_, relu_b_));
  EXPECT_THAT(matching({"ResNet/Sequential[layer1]"}), ElementsAre(conv_, relu_a_, sum_, relu_b_));
  EXPECT_THAT(matching({"ResNet/NNCFLinear[fc]"}), ElementsAre(fc_));
}

TEST_F(Scopes, RegularExpressionsAreFoundWithin) {
  EXPECT_THAT(matching({"{re}conv1"}), ElementsAre(stem_, conv_));
  EXPECT_THAT(matching({"{re}^layer1\\."}), ElementsAre(conv_, relu_a_, sum_, relu_b_));
  EXPECT_THAT(matching({"{re}.*BasicBlock\\[0\\]/__add___0$"}), ElementsAre(sum_));
  EXPECT_THAT(matching({"{re}RELU_[0-9]+"}), ElementsAre(relu_, relu_a_, relu_b_));
}

TEST_F(Scopes, OneNameAsItIs) {
  const ScopeSet set = ScopeSet::create({"x", "{re}^layer"}, "$").value();
  EXPECT_TRUE(set.matches("x"));
  EXPECT_TRUE(set.matches("layer1.weight"));
  EXPECT_FALSE(set.matches("xy"));
  EXPECT_FALSE(set.empty());
}

TEST_F(Scopes, InPlaceOperatorsAreNamedAsInNncf) {
  EXPECT_THAT(matching({"ResNet/ReLU[relu]/relu__0"}), ElementsAre(relu_));
  EXPECT_THAT(matching({"ResNet/Sequential[layer1]/BasicBlock[0]/ReLU[relu]/relu__1"}), ElementsAre(relu_b_));
  EXPECT_THAT(matching({"ResNet/flatten__0"}), IsEmpty());
}

TEST_F(Scopes, InputsOfTheModel) {
  const ScopeSet set = ScopeSet::create({"/nncf_model_input_0"}, "$").value();
  EXPECT_TRUE(set.matches_input("x", 0));
  EXPECT_FALSE(set.matches_input("x", 1));
  EXPECT_TRUE(ScopeSet::create({"x"}, "$").value().matches_input("x", 1));
  EXPECT_TRUE(set.check_all_match(graph_).ok()) << set.check_all_match(graph_);
  EXPECT_FALSE(ScopeSet::create({"/nncf_model_input_1"}, "$").value().check_all_match(graph_).ok());
}

TEST_F(Scopes, SetsMayComeFromSeveralPlaces) {
  ScopeSet set = ScopeSet::create({"layer1"}, "$.ignored_scopes").value();
  EXPECT_FALSE(set.add({"fc", "{re}("}, "$.compression.ignored_scopes").ok());
  EXPECT_FALSE(set.matches(*fc_)) << "with an error nothing is added";
  ASSERT_TRUE(set.add({"fc", "none"}, "$.compression.ignored_scopes").ok());
  EXPECT_TRUE(set.matches(*fc_));
  EXPECT_EQ(set.path(), "$.ignored_scopes");
  EXPECT_THAT(std::string(set.check_all_match(graph_).message()), HasSubstr("$.compression.ignored_scopes: the scope"));
  EXPECT_TRUE(set.check_all_match(graph_, {"none"}).ok());
}

TEST_F(Scopes, TargetAndIgnored) {
  const ScopeSet none, layer1 = ScopeSet::create({"layer1"}, "$").value();
  const ScopeSet relus = ScopeSet::create({"{re}relu"}, "$").value();
  EXPECT_TRUE(is_in_scope(*conv_, none, none));
  EXPECT_TRUE(is_in_scope(*conv_, layer1, relus));
  EXPECT_FALSE(is_in_scope(*relu_a_, layer1, relus));
  EXPECT_FALSE(is_in_scope(*fc_, layer1, none));
}

TEST_F(Scopes, AScopeThatMatchesNothingIsAnErrorWithTheNearestNames) {
  EXPECT_TRUE(ScopeSet::create({"layer1", "{re}fc"}, "$").value().check_all_match(graph_).ok());
  EXPECT_TRUE(ScopeSet().check_all_match(graph_).ok());
  const absl::Status status =
      ScopeSet::create({"layer1", "layer1.0.conv2"}, "$.compression.ignored_scopes").value().check_all_match(graph_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("$.compression.ignored_scopes: the scope \"layer1.0.conv2\" matches nothing in the model; the "
                        "nearest names are layer1.0.conv1, "));
  EXPECT_THAT(std::string(ScopeSet::create({"{re}nothing"}, "$").value().check_all_match(graph_).message()),
              HasSubstr("\"{re}nothing\" matches nothing"));
}

TEST_F(Scopes, WhatIsNoScopeIsRefused) {
  const auto error = [](const std::string& scope) {
    const absl::Status status = ScopeSet::create({scope}, "$.target_scopes").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(error("{re}conv("), HasSubstr("$.target_scopes: the scope \"{re}conv(\" is no valid regular expression"));
  EXPECT_THAT(error(""), HasSubstr("is empty"));
  EXPECT_THAT(error("{re}"), HasSubstr("is empty"));
  EXPECT_THAT(error("{re}" + std::string(100000, '(')), HasSubstr("longer than 4096"));
}

}  // namespace
}  // namespace pare
