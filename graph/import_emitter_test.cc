#include "graph/import_emitter.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/ir/irparser.h>

#include <list>
#include <utility>
#include <vector>

namespace pare::graph {
namespace {

using Values = std::vector<ImportValue>;
using Kind = ImportValue::Kind;

class ImportEmitterTest : public testing::Test {
 protected:
  // The only node of a graph in TorchScript's own notation, run on the given inputs.
  absl::StatusOr<Values> run(const std::string& text, const Values& inputs) {
    sources_.emplace_back();
    torch::jit::parseIR(text, &sources_.back());
    return emitter_.run(*sources_.back().nodes().begin(), inputs, {.scope = "here"});
  }

  Values must_run(const std::string& text, const Values& inputs) {
    auto result = run(text, inputs);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : Values(4);
  }

  static ImportValue number(int64_t value) { return ImportValue::constant(value); }

  std::list<torch::jit::Graph> sources_;
  Graph graph_;
  ImportValue x_ = ImportValue::of_graph(graph_.add_input("x"));
  ExampleRun examples_{graph_, {{at::zeros({2, 3})}, {at::zeros({3, 3})}}};
  ImportEmitter emitter_{graph_, examples_, {}};
};

constexpr char kDropout[] =
    "graph(%x : Tensor, %p : float, %train : bool):\n  %y : Tensor = aten::dropout(%x, %p, %train)\n  return (%y)";
constexpr char kBatchNorm[] =
    "graph(%x : Tensor, %w : Tensor?, %b : Tensor?, %m : Tensor?, %v : Tensor?, %t : bool, %f : float, %c : bool):\n"
    "  %y : Tensor = aten::batch_norm(%x, %w, %b, %m, %v, %t, %f, %f, %c)\n  return (%y)";
constexpr char kSize[] = "graph(%x : Tensor):\n  %s : int[] = aten::size(%x)\n  return (%s)";

TEST_F(ImportEmitterTest, WhatIsKnownIsComputedAndTheRestIsANode) {
  const Values sum =
      must_run("graph(%a : int, %b : int):\n  %c : int = aten::mul(%a, %b)\n  return (%c)", {number(2), number(3)});
  EXPECT_EQ(sum[0].known.toInt(), 6);
  EXPECT_EQ(graph_.num_nodes(), 0u);
  const Values relu = must_run("graph(%x : Tensor):\n  %y : Tensor = aten::relu(%x)\n  return (%y)", {x_});
  EXPECT_EQ(relu[0].value->producer()->name(), "here/aten::relu");
}

TEST_F(ImportEmitterTest, ParametersAreNotComputedWith) {
  const ImportValue weight = ImportValue::of_graph(*graph_.add_parameter("weight", at::zeros({2})));
  const Values y = must_run("graph(%x : Tensor):\n  %y : Tensor = aten::exp(%x)\n  return (%y)", {weight});
  EXPECT_EQ(y[0].kind, Kind::kGraph);
}

TEST_F(ImportEmitterTest, DropoutAndBatchNormFollowTheMode) {
  const Values off = must_run(kDropout, {x_, ImportValue::constant(0.5), ImportValue::constant(false)});
  EXPECT_EQ(off[0].value->producer()->argument("train"), graph_.training());
  const ImportValue mean = ImportValue::of_graph(*graph_.add_buffer("mean", at::zeros({3})));
  const ImportValue none = ImportValue::constant({}), no = ImportValue::constant(false);
  const Values norm = must_run(
      kBatchNorm, {x_, none, none, mean, mean, no, ImportValue::constant(0.1), ImportValue::constant(1e-5), no});
  EXPECT_EQ(norm[0].value->producer()->argument("training"), graph_.training());
}

TEST_F(ImportEmitterTest, ConstantModesStayConstant) {
  const ImportValue none = ImportValue::constant({}), yes = ImportValue::constant(true);
  const Values norm = must_run(
      kBatchNorm, {x_, none, none, none, none, yes, ImportValue::constant(0.1), ImportValue::constant(1e-5), yes});
  EXPECT_TRUE(norm[0].value->producer()->argument("training")->is_constant()) << "there are no running statistics";
  const Values on = must_run(kDropout, {x_, ImportValue::constant(0.5), yes});
  EXPECT_TRUE(on[0].value->producer()->argument("train")->is_constant()) << "a script leaves it on on purpose";
}

TEST_F(ImportEmitterTest, ASizeIsTakenAlone) {
  const ImportValue sizes = must_run(kSize, {x_})[0];
  const Values both =
      must_run("graph(%s : int[]):\n  %a : int, %b : int = prim::ListUnpack(%s)\n  return (%a, %b)", {sizes});
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[1].value->producer()->overload(), "int");
  EXPECT_EQ((*emitter_.decide(both[1]))->toInt(), 3);
}

TEST_F(ImportEmitterTest, WhatDependsOnTheBatchCannotBeDecided) {
  const ImportValue sizes = must_run(kSize, {x_})[0];
  const Values first = must_run("graph(%s : int[], %i : int):\n  %a : int = aten::__getitem__(%s, %i)\n  return (%a)",
                                {sizes, number(0)});
  EXPECT_EQ(emitter_.decide(first[0]).status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(ImportEmitterTest, WhatTensorsHoldCannotBeDecided) {
  const Values nonzero = must_run("graph(%x : Tensor):\n  %b : bool = aten::is_nonzero(%x)\n  return (%b)", {x_});
  EXPECT_TRUE(nonzero[0].from_data);
  EXPECT_FALSE(emitter_.decide(nonzero[0])->has_value());
}

constexpr char kNonzero[] = "graph(%x : Tensor):\n  %y : Tensor = aten::nonzero(%x)\n  return (%y)";
constexpr char kNumel[] = "graph(%x : Tensor):\n  %n : int = aten::numel(%x)\n  return (%n)";
constexpr char kIndex[] = "graph(%x : Tensor, %i : Tensor?[]):\n  %y : Tensor = aten::index(%x, %i)\n  return (%y)";

TEST_F(ImportEmitterTest, AShapeThatContentsDecideIsRemembered) {
  const ImportValue rows = must_run(kNonzero, {x_})[0];
  EXPECT_TRUE(rows.from_data);
  EXPECT_TRUE(must_run(kNumel, {rows})[0].from_data);
  EXPECT_FALSE(must_run(kNumel, {x_})[0].from_data);
  const ImportValue sizes = must_run(kSize, {rows})[0];
  const ImportValue first = must_run(
      "graph(%s : int[], %i : int):\n  %a : int = aten::__getitem__(%s, %i)\n  return (%a)", {sizes, number(0)})[0];
  EXPECT_TRUE(first.from_data);
  EXPECT_FALSE((*emitter_.decide(first)).has_value());
  const Values relu = must_run("graph(%x : Tensor):\n  %y : Tensor = aten::relu(%x)\n  return (%y)", {rows});
  EXPECT_TRUE(relu[0].from_data) << "it has the same shape";
}

TEST_F(ImportEmitterTest, AMaskSizesItsResultAndPositionsDoNot) {
  const auto indices = [](const ImportValue& index) {
    return ImportValue::list(c10::ListType::create(c10::OptionalType::create(c10::TensorType::get())), {index});
  };
  const ImportValue mask = must_run("graph(%x : Tensor):\n  %y : Tensor = aten::isnan(%x)\n  return (%y)", {x_})[0];
  EXPECT_TRUE(must_run(kIndex, {x_, indices(mask)})[0].from_data);
  const ImportValue positions = ImportValue::of_graph(*graph_.add_buffer("positions", at::zeros({2}, c10::kLong)));
  EXPECT_FALSE(must_run(kIndex, {x_, indices(positions)})[0].from_data);
}

TEST_F(ImportEmitterTest, ASizeThatContentsDecideSizesTheTensor) {
  const ImportValue count = must_run("graph(%x : Tensor):\n  %n : int = aten::Int(%x)\n  return (%n)", {x_})[0];
  EXPECT_TRUE(count.from_data);
  const Values slice = must_run(
      "graph(%x : Tensor, %d : int, %b : int?, %e : int?, %s : int):\n"
      "  %y : Tensor = aten::slice(%x, %d, %b, %e, %s)\n  return (%y)",
      {x_, number(0), number(0), count, number(1)});
  EXPECT_TRUE(slice[0].from_data);
  const Values product =
      must_run("graph(%x : Tensor, %n : int):\n  %y : Tensor = aten::mul(%x, %n)\n  return (%y)", {x_, count});
  EXPECT_FALSE(product[0].from_data) << "a factor changes no shape";
}

TEST_F(ImportEmitterTest, AWriteOfAnUnknownValueIsRefused) {
  const auto written =
      run("graph(%x : Tensor, %n : float):\n  %y : Tensor = aten::mul_(%x, %n)\n  return (%y)", {x_, ImportValue()});
  EXPECT_EQ(written.status().code(), absl::StatusCode::kUnimplemented) << written.status();
  const Values read = must_run("graph(%x : Tensor, %n : float):\n  %y : Tensor = aten::mul(%x, %n)\n  return (%y)",
                               {x_, ImportValue()});
  EXPECT_EQ(read[0].kind, Kind::kUnknown) << "whoever uses it is refused";
}

TEST_F(ImportEmitterTest, ANormalizationWithoutAMomentumGetsOne) {
  const ImportValue mean = ImportValue::of_graph(*graph_.add_buffer("mean", at::zeros({3})));
  const ImportValue none = ImportValue::constant({}), no = ImportValue::constant(false);
  for (const auto& [given, expected] : std::vector<std::pair<double, double>>{{0.0, 0.1}, {0.3, 0.3}}) {
    const Values norm = must_run(
        kBatchNorm, {x_, none, none, mean, mean, no, ImportValue::constant(given), ImportValue::constant(1e-5), no});
    EXPECT_EQ(norm[0].value->producer()->argument("momentum")->constant().toDouble(), expected);
  }
}

TEST_F(ImportEmitterTest, ADecisionLeavesACheck) {
  const Values sizes = must_run("graph(%s : int[]):\n  %a : int, %b : int = prim::ListUnpack(%s)\n  return (%a, %b)",
                                must_run(kSize, {x_}));
  EXPECT_TRUE(graph_.size_checks().empty());
  ASSERT_TRUE(emitter_.decide(sizes[1]).ok());
  EXPECT_EQ(graph_.size_checks(), (std::vector<SizeCheck>{{x_.value, 1, 3}}));
}

TEST_F(ImportEmitterTest, AWriteIntoAKnownTensorIsNoticed) {
  must_run("graph(%x : Tensor):\n  %y : Tensor = aten::relu_(%x)\n  return (%y)",
           {ImportValue::constant(at::zeros({2}))});
  EXPECT_TRUE(emitter_.has_written_into_constant());
}

TEST_F(ImportEmitterTest, MaterializeMakesNodesForContainersOfComputedValues) {
  const ImportValue list = ImportValue::list(c10::ListType::ofTensors(), {x_, x_});
  Value* made = *emitter_.materialize(list, {});
  EXPECT_EQ(made->producer()->op(), "prim::ListConstruct");
  EXPECT_TRUE((*emitter_.materialize(ImportValue::constant(std::vector<int64_t>{1}), {}))->is_constant());
  EXPECT_FALSE(emitter_.materialize(ImportValue(), {}).ok());
}

}  // namespace
}  // namespace pare::graph
