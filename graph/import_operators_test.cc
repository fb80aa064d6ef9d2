#include "graph/import_operators.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/ir/irparser.h>

#include <memory>
#include <string>

namespace pare::graph {
namespace {

class ImportOperatorsTest : public testing::Test {
 protected:
  // The node of a graph in TorchScript's own notation that has one.
  const torch::jit::Node* parse(const std::string& text) {
    torch::jit::parseIR(text, &graph_);
    return *graph_.nodes().begin();
  }

  torch::jit::Graph graph_;
};

TEST_F(ImportOperatorsTest, ATraceIsToldFromAScriptByItsSource) {
  torch::jit::parseIR("graph(%x : Tensor):\n  %y : Tensor = aten::relu(%x)\n  return (%y)", &graph_);
  torch::jit::Node* node = *graph_.nodes().begin();
  const auto origin = [&](const std::string& text, const std::string& file) {
    const auto source = std::make_shared<torch::jit::Source>(text, file, 1);
    node->setSourceRange(torch::jit::SourceRange(source, 0, text.size()));
    return origin_of(node);
  };
  node->setSourceRange(torch::jit::SourceRange());
  EXPECT_EQ(origin_of(node), Origin::kUnknown);
  EXPECT_EQ(origin("/models/my (2) model.py(97): forward\n/usr/module.py(1194): _call_impl\n", "/models/model.py"),
            Origin::kTrace);
  EXPECT_EQ(origin("def forward(self, x): return torch.relu(x)", "model.py"), Origin::kScript);
  EXPECT_EQ(origin("  def f(a): # (2): a comment\n    return a", "model.py"), Origin::kScript);
  EXPECT_EQ(origin("def forward(self, x):\n  return torch.relu(x)", "code/__torch__.py"), Origin::kUnknown);
}

TEST_F(ImportOperatorsTest, TellsWhatContentsSize) {
  EXPECT_TRUE(has_data_shape(parse("graph(%x : Tensor):\n  %y : Tensor = aten::nonzero(%x)\n  return (%y)")));
}

TEST_F(ImportOperatorsTest, AnArgumentSizesAResultOrTakesPartInIt) {
  const auto* node = parse(
      "graph(%x : Tensor, %n : int, %d : int):\n"
      "  %y : Tensor = aten::select(%x, %d, %n)\n  return (%y)");
  EXPECT_TRUE(sizes_result(node, 2));
  EXPECT_FALSE(has_effect(node));
}

TEST_F(ImportOperatorsTest, RunsAnOperatorOnKnownValues) {
  const auto* node = parse("graph(%a : int, %b : int):\n  %c : int = aten::add(%a, %b)\n  return (%c)");
  EXPECT_TRUE(is_pure(node));
  const auto result = run_operator(node, {2, 3});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ((*result)[0].toInt(), 5);
}

TEST_F(ImportOperatorsTest, TellsAnOperatorsExceptionAndName) {
  const auto* node = parse("graph(%a : int, %b : int):\n  %c : int = aten::floordiv(%a, %b)\n  return (%c)");
  const auto result = run_operator(node, {2, 0});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(result.status().message()).find("aten::floordiv"), std::string::npos);
}

TEST_F(ImportOperatorsTest, FilesAreOutOfReach) {
  const auto* node = parse(
      "graph(%name : str, %no : bool, %n : int, %none : NoneType):\n"
      "  %x : Tensor = aten::from_file(%name, %no, %n, %none, %none, %none, %none)\n  return (%x)");
  const absl::Status status = check_allowed(node);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(status.message()).find("allow_operators({\"aten::from_file\"})"), std::string::npos) << status;
  EXPECT_FALSE(is_pure(node));
}

TEST_F(ImportOperatorsTest, RandomAndInPlaceOperatorsAreNotPure) {
  EXPECT_FALSE(is_pure(parse("graph(%x : Tensor):\n  %y : Tensor = aten::relu_(%x)\n  return (%y)")));
  torch::jit::Graph other;
  torch::jit::parseIR(
      "graph(%x : Tensor, %p : float, %on : bool):\n  %y : Tensor = aten::dropout(%x, %p, %on)\n  return (%y)", &other);
  EXPECT_FALSE(is_pure(*other.nodes().begin()));
}

TEST_F(ImportOperatorsTest, SizesAreMetadataAndSumsAreNot) {
  EXPECT_TRUE(is_metadata(parse("graph(%x : Tensor):\n  %n : int = aten::dim(%x)\n  return (%n)")));
  torch::jit::Graph other;
  torch::jit::parseIR("graph(%x : Tensor):\n  %n : bool = aten::is_nonzero(%x)\n  return (%n)", &other);
  EXPECT_FALSE(is_metadata(*other.nodes().begin()));
}

TEST_F(ImportOperatorsTest, AnOperatorIsFoundWithItsOwner) {
  const auto* node = parse("graph(%x : Tensor):\n  %y : Tensor = aten::relu(%x)\n  return (%y)");
  ASSERT_NE(operator_of(node), nullptr);
  EXPECT_TRUE(check_allowed(node).ok());
  EXPECT_TRUE(check_registered(node).ok());
  EXPECT_EQ(source_of(node), "");
}

}  // namespace
}  // namespace pare::graph
