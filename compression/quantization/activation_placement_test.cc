#include "compression/quantization/activation_placement.h"

#include "compression/quantization/placement_testing.h"

namespace pare::quantization {
namespace {

using c10::IValue;
using graph::Value;
using Placed = std::map<std::string, std::string>;  // see activations()

ScopeSet scopes(const std::vector<std::string>& names) { return ScopeSet::create(names, "/test").value(); }

class ActivationPlacementTest : public ::testing::Test {
 protected:
  Placed placed() { return activations(place(net_, options_)); }
  const QuantizationPoint* point(const std::string& name) {
    setup_ = place(net_, options_);
    return find_point(setup_, name);
  }

  TestNet net_;
  PlacementOptions options_;
  QuantizerSetup setup_;
  Value* x_ = net_.input("x");
};

TEST_F(ActivationPlacementTest, NothingBetweenConvolutionBatchNormAndRelu) {
  Value* y = net_.relu("relu", net_.batch_norm("bn", net_.conv("conv1", x_, 3, 8), 8));
  net_.output(net_.conv("conv2", y, 8, 8));
  EXPECT_EQ(placed(), (Placed{{"x", "conv1"}, {"relu/aten::relu", "conv2"}}));
}

TEST_F(ActivationPlacementTest, MovesThroughAgnosticOperators) {
  Value* y = net_.relu("relu", net_.conv("conv1", x_, 3, 8));
  net_.output(net_.linear("fc", net_.flatten("flat", net_.max_pool("pool", y)), 8, 8));
  EXPECT_EQ(placed(), (Placed{{"x", "conv1"}, {"relu/aten::relu", "fc"}}));
  EXPECT_EQ(point("relu/aten::relu")->uses[0].user->scope(), "pool");
}

TEST_F(ActivationPlacementTest, ResidualBranchesMerge) {
  Value* y = net_.relu("relu", net_.conv("conv1", x_, 8, 8));
  Value* branch = net_.batch_norm("bn", net_.conv("conv2", y, 8, 8), 8);
  Value* shortcut = net_.op("pad", "aten::constant_pad_nd", "",
                            {{"self", y}, {"pad", IValue(std::vector<int64_t>{0, 0})}, {"value", IValue(0.0)}});
  Value* z = net_.relu("out", net_.add("add", branch, shortcut));
  net_.output(net_.conv("conv3", z, 8, 8));
  EXPECT_EQ(placed(), (Placed{{"x", "conv1"},
                              {"relu/aten::relu", "conv2 add"},
                              {"bn/aten::batch_norm", "add"},
                              {"out/aten::relu", "conv3"}}));
}

TEST_F(ActivationPlacementTest, AnUnquantizedReaderKeepsTheQuantizerBelowTheBranch) {
  Value* y = net_.max_pool("pool", net_.relu("relu", x_));
  Value* side = net_.unary("exp", "aten::exp", y);
  net_.output(net_.add("add", net_.conv("conv", y, 8, 8), side));
  EXPECT_EQ(placed().count("pool/aten::max_pool2d"), 1u);
  EXPECT_EQ(point("pool/aten::max_pool2d")->uses.size(), 1u);
  EXPECT_EQ(point("pool/aten::max_pool2d")->uses[0].user->scope(), "conv");
}

TEST_F(ActivationPlacementTest, ReadersOfShapesDoNotHoldItBack) {
  Value* y = net_.max_pool("pool", net_.relu("relu", x_));
  net_.op("size", "aten::size", "int", {{"self", y}, {"dim", IValue(int64_t{0})}});
  net_.output(net_.conv("conv", y, 8, 8));
  EXPECT_EQ(placed(), (Placed{{"relu/aten::relu", "conv"}}));
}

TEST_F(ActivationPlacementTest, DifferentConfigsStayBelowTheBranch) {
  Value* y = net_.max_pool("pool", net_.relu("relu", x_));
  Value* a = net_.conv("a", y, 8, 8);
  Value* b = net_.conv("b", y, 8, 8);
  net_.output(net_.add("add", a, b));
  options_.activation_overrides = {{scopes({"b"}), {.bits = 4}}};
  EXPECT_EQ(placed(), (Placed{{"pool/aten::max_pool2d", "a"},
                              {"pool/aten::max_pool2d.2", "b"},
                              {"a/aten::conv2d", "add"},
                              {"b/aten::conv2d", "add"}}));
  EXPECT_EQ(point("pool/aten::max_pool2d")->config.bits, 8);
  EXPECT_EQ(point("pool/aten::max_pool2d.2")->config.bits, 4);
}

TEST_F(ActivationPlacementTest, IgnoredNodesHaveNoneAndStopOthers) {
  Value* y = net_.max_pool("pool", net_.relu("relu", net_.conv("conv1", x_, 3, 8)));
  net_.output(net_.conv("conv2", y, 8, 8));
  options_.ignored = scopes({"pool", "conv1"});
  EXPECT_EQ(placed(), (Placed{{"pool/aten::max_pool2d", "conv2"}}));
  EXPECT_EQ(weights(place(net_, options_)), (std::vector<std::string>{"conv2.weight"}));
}

TEST_F(ActivationPlacementTest, InputsAndOutputsAsAsked) {
  net_.output(net_.relu("relu", net_.conv("conv", x_, 3, 8)));
  EXPECT_EQ(placed(), (Placed{{"x", "conv"}}));
  options_.quantize_inputs = false;
  EXPECT_EQ(placed(), Placed{});
  options_.quantize_outputs = true;
  EXPECT_EQ(placed(), (Placed{{"relu/aten::relu", ""}}));
  EXPECT_EQ(point("relu/aten::relu")->uses, (std::vector<graph::Use>{{nullptr, 0}}));
}

TEST_F(ActivationPlacementTest, OutputsInATupleAreOutputs) {
  Value* a = net_.relu("a", net_.conv("conv", x_, 3, 8));
  Value* b = net_.relu("b", a);
  net_.output(net_.graph().add_structure("prim::TupleConstruct", {a, b}, 1, {}).value()->output());
  options_.quantize_outputs = true;
  EXPECT_EQ(placed(), (Placed{{"x", "conv"}, {"a/aten::relu", ""}, {"b/aten::relu", ""}}));
}

TEST_F(ActivationPlacementTest, PiecesOfAConcatShareARange) {
  Value* a = net_.relu("a", net_.conv("conv1", x_, 3, 8));
  Value* b = net_.max_pool("b", net_.relu("r", net_.conv("conv2", x_, 3, 8)));
  net_.output(net_.conv("conv3", net_.cat("cat", {a, b}), 16, 8));
  EXPECT_EQ(placed(), (Placed{{"x", "conv1 conv2"}, {"a/aten::relu", "conv3"}, {"r/aten::relu", "conv3"}}));
  EXPECT_EQ(point("x")->unified_scale_group, -1);
  EXPECT_EQ(point("a/aten::relu")->unified_scale_group, 0);
  EXPECT_EQ(point("r/aten::relu")->unified_scale_group, 0);
}

TEST_F(ActivationPlacementTest, AConcatThatNobodyReadsQuantizedIsLeftAlone) {
  Value* y = net_.cat("cat", {net_.relu("a", x_), net_.relu("b", x_)});
  net_.output(net_.conv("conv", net_.relu("act", net_.batch_norm("bn", y, 16)), 16, 8));
  EXPECT_EQ(placed(), (Placed{{"act/aten::relu", "conv"}}));
}

TEST_F(ActivationPlacementTest, AConcatWithAParameterIsQuantizedBehindIt) {
  Value* y = net_.cat("cat", {net_.relu("a", x_), net_.parameter("token", {1, 8})});
  net_.output(net_.linear("fc", y, 8, 8));
  EXPECT_EQ(placed(), (Placed{{"cat/aten::cat", "fc"}}));
}

TEST_F(ActivationPlacementTest, AllPartsOfASplitOrNone) {
  Value* y = net_.relu("relu", x_);
  Value* list =
      net_.op("chunk", "aten::chunk", "", {{"self", y}, {"chunks", IValue(int64_t{2})}, {"dim", IValue(int64_t{1})}});
  graph::Node* parts = net_.graph().add_structure("prim::ListUnpack", {list}, 2, {.scope = "parts"}).value();
  Value* a = net_.conv("a", parts->output(0), 4, 8);
  Value* b = net_.conv("b", parts->output(1), 4, 8);
  net_.output(net_.add("add", a, b));
  EXPECT_EQ(placed(), (Placed{{"relu/aten::relu", "a b"}, {"a/aten::conv2d", "add"}, {"b/aten::conv2d", "add"}}));
  EXPECT_EQ(point("relu/aten::relu")->uses[0].user->scope(), "chunk");
  options_.ignored = scopes({"b"});
  EXPECT_EQ(point("relu/aten::relu"), nullptr);
  EXPECT_EQ(point("parts/prim::ListUnpack:0")->served[0]->scope(), "a");
  options_.ignored = scopes({"chunk"});
  EXPECT_EQ(point("parts/prim::ListUnpack:0")->unified_scale_group, -1);
  EXPECT_EQ(point("parts/prim::ListUnpack:1")->unified_scale_group, -1);
}

TEST_F(ActivationPlacementTest, SqueezeAndExcite) {
  Value* y = net_.relu("relu", net_.conv("dw", x_, 8, 8, 8));
  Value* squeezed = net_.relu("act", net_.conv("reduce", net_.global_pool("pool", y), 8, 2));
  Value* gate = net_.unary("gate", "aten::hardsigmoid", net_.conv("expand", squeezed, 2, 8));
  net_.output(net_.conv("project", net_.mul("mul", gate, y), 8, 4));
  EXPECT_EQ(placed(), (Placed{{"x", "dw"},
                              {"relu/aten::relu", "pool"},
                              {"pool/aten::adaptive_avg_pool2d", "reduce"},
                              {"act/aten::relu", "expand"},
                              {"mul/aten::mul", "project"}}));
}

TEST_F(ActivationPlacementTest, ATransformerBlock) {
  Value* ids = x_;
  Value* table = net_.parameter("embed.weight", {10, 8});
  Value* h = net_.op("embed", "aten::embedding", "", {{"weight", table}, {"indices", ids}});
  Value* normed = net_.layer_norm("ln", h, 8);
  Value* q = net_.linear("q", normed, 8, 8);
  Value* k = net_.linear("k", normed, 8, 8);
  Value* v = net_.linear("v", normed, 8, 8);
  Value* scores = net_.scale("scale", net_.matmul("qk", q, net_.transpose("t", k, -1, -2)), 0.35);
  Value* mixed = net_.matmul("av", net_.softmax("softmax", scores), v);
  Value* sum = net_.add("residual", h, net_.linear("proj", mixed, 8, 8));
  net_.output(sum);
  EXPECT_EQ(placed(), (Placed{{"embed/aten::embedding", "ln residual"},
                              {"ln/aten::layer_norm", "q k v"},
                              {"q/aten::linear", "qk"},
                              {"k/aten::linear", "qk"},
                              {"av/aten::matmul", "proj"},
                              {"proj/aten::linear", "residual"}}));
  EXPECT_EQ(weights(place(net_)),
            (std::vector<std::string>{"embed.weight", "q.weight", "k.weight", "v.weight", "proj.weight"}));
}

TEST_F(ActivationPlacementTest, UnifiedScaleGroupsOfTheConfig) {
  Value* a = net_.relu("a", x_);
  Value* b = net_.relu("b", x_);
  net_.output(net_.add("add", net_.conv("conv1", a, 8, 8), net_.conv("conv2", b, 8, 8)));
  options_.unified_scale_groups = {{scopes({"conv1"}), scopes({"conv2"})}};
  EXPECT_GE(point("a/aten::relu")->unified_scale_group, 0);
  EXPECT_EQ(point("a/aten::relu")->unified_scale_group, point("b/aten::relu")->unified_scale_group);
  EXPECT_EQ(point("conv1/aten::conv2d")->unified_scale_group, -1);
  options_.activation_overrides = {{scopes({"conv2"}), {.bits = 4}}};
  const absl::Status refused = place_quantizers(net_.graph(), options_).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message().find(options_.unified_scale_groups[0][0].path() + ": "), 0u) << refused;
}

TEST_F(ActivationPlacementTest, AnIgnoredInputHasNoQuantizer) {
  net_.output(net_.conv("conv2", net_.relu("relu", net_.conv("conv1", x_, 3, 8)), 8, 8));
  EXPECT_NE(point("x"), nullptr);
  options_.ignored_activations = scopes({"/nncf_model_input_0"});
  EXPECT_EQ(point("x"), nullptr);
  EXPECT_NE(point("relu/aten::relu"), nullptr);
  options_.ignored_activations = {};
  options_.ignored = scopes({"/nncf_model_input_1"});
  EXPECT_EQ(point("x")->input_index, 0);
}

TEST_F(ActivationPlacementTest, NpusElementwiseInputsShareAScale) {
  Value* sum = net_.add("add", net_.conv("a", x_, 3, 8), net_.conv("b", x_, 3, 8));
  net_.output(sum);
  EXPECT_EQ(point("a/aten::conv2d")->unified_scale_group, -1);
  options_.target_device = "NPU";
  EXPECT_EQ(point("a/aten::conv2d")->unified_scale_group, 0);
  EXPECT_EQ(point("b/aten::conv2d")->unified_scale_group, 0);
}

TEST_F(ActivationPlacementTest, PresetsAndTheBranchThatFixesTheMode) {
  net_.output(net_.add("add", net_.conv("a", x_, 3, 8), net_.conv("b", x_, 3, 8)));
  EXPECT_EQ(point("x")->config, QuantizerConfig{});
  options_.preset = "mixed";
  EXPECT_EQ(point("x")->config.mode, QuantizationMode::kAsymmetric);
  options_.activation_overrides = {{scopes({"b"}), {.mode = QuantizationMode::kSymmetric}}};
  EXPECT_EQ(point("x")->config.mode, QuantizationMode::kSymmetric);
  EXPECT_EQ(point("x")->uses.size(), 2u);
}

TEST_F(ActivationPlacementTest, AWeightThatIsComputedIsQuantizedWhereItIsReady) {
  Value* computed = net_.scale("scale", net_.parameter("w", {8, 8}), 0.1);
  net_.output(net_.op("fc", "aten::linear", "", {{"input", x_}, {"weight", computed}}));
  EXPECT_EQ(placed(), (Placed{{"x", "fc"}, {"scale/aten::mul", "fc"}}));
}

TEST_F(ActivationPlacementTest, MasksAreNoSignal) {
  Value* mask = net_.op("to", "aten::to", "dtype",
                        {{"self", net_.input("mask")}, {"dtype", IValue(static_cast<int64_t>(c10::kFloat))}});
  Value* y = net_.relu("relu", x_);
  net_.output(net_.linear("fc", net_.mul("mul", y, net_.scale("neg", mask, -1)), 8, 8));
  EXPECT_EQ(placed(), (Placed{{"relu/aten::relu", "mul"}, {"mul/aten::mul", "fc"}}));
}

}  // namespace
}  // namespace pare::quantization
