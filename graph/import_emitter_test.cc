#include "graph/import_emitter.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/ir/irparser.h>

#include <list>

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
