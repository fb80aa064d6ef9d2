#include "compression/pruning/channel_labels.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>

#include <optional>

#include "compression/analysis/test_net.h"
#include "gmock/gmock.h"

namespace pare::pruning {
namespace {

using c10::IValue;
using graph::Value;
using Ints = std::vector<int64_t>;

class LabelsTest : public ::testing::Test {
 protected:
  // The input is [2, channels, 6, 6] unless a test says otherwise.
  void analyze(Value* output, Ints input_shape, LabelOptions options = {}) {
    net_.output(output);
    model_ = std::make_unique<graph::Model>(net_.take_graph());
    auto labels = ChannelLabels::analyze(*model_, {std::move(input_shape)}, options);
    ASSERT_TRUE(labels.ok()) << labels.status();
    labels_.emplace(*std::move(labels));
  }

  const Axis& axis(const std::string& name, size_t axis) const {
    return labels_->tensor(model_->graph().find_parameter(name))->axes[axis];
  }
  size_t free(const std::string& name, size_t axis = 0) const {
    return labels_->sets().count_classes(this->axis(name, axis));
  }
  bool together(const Axis& one, size_t i, const Axis& other, size_t j) const {
    return labels_->sets().find(one.labels[i]) == labels_->sets().find(other.labels[j]);
  }
  // Index by index.
  bool same(const Axis& one, const Axis& other) const {
    if (one.labels.size() != other.labels.size() || one.labels.empty()) return false;
    for (size_t i = 0; i < one.labels.size(); ++i) {
      if (!together(one, i, other, i)) return false;
    }
    return true;
  }

  Value* conv(const std::string& name, Value* x, int64_t in, int64_t out, int64_t groups = 1) {
    return net_.conv(name, x, in, out, groups);
  }
  // What ends every net: its filters are the outputs, its channels take whatever came before.
  void end(Value* x, int64_t in, Ints input_shape, LabelOptions options = {}) {
    analyze(conv("end", x, in, 2), std::move(input_shape), options);
  }
  Value* batch_norm(const std::string& name, Value* x, int64_t channels) {
    net_.graph().add_buffer(name + ".running_mean", at::ones({channels})).value();
    net_.graph().add_buffer(name + ".running_var", at::ones({channels})).value();
    return net_.op(name, "aten::batch_norm", "",
                   {{"input", x},
                    {"weight", net_.parameter(name + ".weight", {channels})},
                    {"bias", net_.parameter(name + ".bias", {channels})},
                    {"running_mean", net_.graph().find_parameter(name + ".running_mean")},
                    {"running_var", net_.graph().find_parameter(name + ".running_var")},
                    {"training", IValue(false)},
                    {"momentum", IValue(0.1)},
                    {"eps", IValue(1e-5)},
                    {"cudnn_enabled", IValue(false)}});
  }
  Value* reshape(const std::string& name, Value* x, Ints size) {
    return net_.op(name, "aten::reshape", "", {{"self", x}, {"shape", IValue(std::move(size))}});
  }

  TestNet net_;
  Value* x_ = net_.input("x");
  std::unique_ptr<graph::Model> model_;
  std::optional<ChannelLabels> labels_;
};

TEST_F(LabelsTest, AFilterGoesWithTheChannelThatTakesIt) {
  end(net_.relu("r", conv("one", x_, 3, 8)), 8, {2, 3, 9, 9});
  EXPECT_EQ(free("one.weight"), 8u);
  EXPECT_TRUE(same(axis("one.weight", 0), axis("end.weight", 1)));
  EXPECT_EQ(free("one.weight", 1), 0u) << "the input's channels stay";
  EXPECT_EQ(free("one.weight", 2), 0u);
  EXPECT_EQ(free("end.weight", 0), 0u) << "the output's channels stay";
}

TEST_F(LabelsTest, BatchNormsFollowAndKeepZerosOnlyIfTheyAreMasked) {
  for (const bool masks : {true, false}) {
    net_ = TestNet();
    x_ = net_.input("x");
    Value* normed = batch_norm("bn", conv("one", x_, 3, 8), 8);
    end(normed, 8, {2, 3, 9, 9}, {.masks_batch_norms = masks});
    for (const char* name : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"}) {
      EXPECT_TRUE(same(axis("one.weight", 0), axis(name, 0))) << name;
    }
    EXPECT_EQ(labels_->tensor(normed)->axes[1].is_zero, masks);
    EXPECT_EQ(labels_->is_masked(model_->graph().find_parameter("bn.weight")), masks);
    EXPECT_FALSE(labels_->is_masked(model_->graph().find_parameter("bn.running_var")));
    EXPECT_EQ(free("one.weight"), 8u);
  }
}

TEST_F(LabelsTest, WhatIsAddedGoesTogether) {
  Value* one = conv("one", x_, 3, 8);
  end(net_.add("add", one, conv("two", x_, 3, 8)), 8, {2, 3, 9, 9});
  EXPECT_TRUE(same(axis("one.weight", 0), axis("two.weight", 0)));
  EXPECT_EQ(free("one.weight"), 8u);
}

TEST_F(LabelsTest, WhatIsAddedToAnInputStays) {
  Value* one =
      net_.op("one", "aten::conv2d", "", {{"input", x_}, {"weight", net_.parameter("one.weight", {3, 3, 1, 1})}});
  end(net_.add("add", one, x_), 3, {2, 3, 9, 9});
  EXPECT_EQ(free("one.weight"), 0u);
}

TEST_F(LabelsTest, AGateBroadcastsOverTheImage) {
  Value* one = conv("one", x_, 3, 8);
  Value* gate =
      net_.op("gate", "aten::conv2d", "",
              {{"input", net_.global_pool("pool", one)}, {"weight", net_.parameter("gate.weight", {8, 8, 1, 1})}});
  gate = net_.unary("sigmoid", "aten::sigmoid", gate);
  end(net_.mul("mul", one, gate), 8, {2, 3, 9, 9});
  EXPECT_TRUE(same(axis("one.weight", 0), axis("gate.weight", 0)));
  EXPECT_TRUE(same(axis("one.weight", 0), axis("gate.weight", 1)));
  EXPECT_EQ(free("one.weight"), 8u);
}

TEST_F(LabelsTest, ANumberPerChannelBelongsToIt) {
  Value* one = conv("one", x_, 3, 8);
  Value* scaled = net_.mul("scale", one, net_.parameter("scale", {1, 8, 1, 1}));
  Value* shifted = net_.add("shift", scaled, net_.graph().add_constant(at::ones({8, 1, 1})));
  EXPECT_TRUE(shifted != nullptr);
  end(shifted, 8, {2, 3, 9, 9});
  EXPECT_TRUE(same(axis("one.weight", 0), axis("scale", 1)));
  EXPECT_TRUE(labels_->tensor(scaled)->axes[1].is_zero);
  EXPECT_FALSE(labels_->tensor(shifted)->axes[1].is_zero);
  EXPECT_EQ(free("one.weight"), 8u);
}

TEST_F(LabelsTest, ADepthwiseFilterGoesWithItsChannel) {
  Value* one = conv("one", x_, 3, 4);
  end(conv("dw", one, 4, 8, 4), 8, {2, 3, 9, 9});  // two filters a channel
  EXPECT_EQ(free("one.weight"), 4u);
  EXPECT_EQ(free("dw.weight"), 4u);
  EXPECT_TRUE(together(axis("one.weight", 0), 1, axis("dw.weight", 0), 2));
  EXPECT_TRUE(together(axis("one.weight", 0), 1, axis("dw.weight", 0), 3));
  EXPECT_TRUE(together(axis("one.weight", 0), 1, axis("end.weight", 1), 3));
}

TEST_F(LabelsTest, GroupsLoseTheSamePlaces) {
  Value* one = conv("one", x_, 3, 8);
  end(conv("grouped", one, 8, 12, 2), 12, {2, 3, 9, 9});
  EXPECT_EQ(free("one.weight"), 4u);
  EXPECT_TRUE(together(axis("one.weight", 0), 1, axis("one.weight", 0), 5));
  EXPECT_TRUE(together(axis("one.weight", 0), 1, axis("grouped.weight", 1), 1));
  EXPECT_EQ(free("grouped.weight"), 6u);
  EXPECT_TRUE(together(axis("grouped.weight", 0), 2, axis("grouped.weight", 0), 8));
}

TEST_F(LabelsTest, TransposedConvolutionsCountTheirFiltersOnTheSecondAxis) {
  Value* one = conv("one", x_, 3, 8);
  Value* up = net_.op("up", "aten::conv_transpose2d", "input",
                      {{"input", one}, {"weight", net_.parameter("up.weight", {8, 6, 2, 2})}});
  end(up, 6, {2, 3, 9, 9});
  EXPECT_TRUE(same(axis("one.weight", 0), axis("up.weight", 0)));
  EXPECT_TRUE(same(axis("up.weight", 1), axis("end.weight", 1)));
  EXPECT_EQ(free("up.weight", 1), 6u);
}

TEST_F(LabelsTest, ConcatenatedLabelsStandInARow) {
  Value *one = conv("one", x_, 3, 4), *two = conv("two", x_, 3, 6);
  end(net_.cat("cat", {one, two}), 10, {2, 3, 9, 9});
  EXPECT_EQ(free("end.weight", 1), 10u);
  EXPECT_TRUE(together(axis("end.weight", 1), 1, axis("one.weight", 0), 1));
  EXPECT_TRUE(together(axis("end.weight", 1), 4, axis("two.weight", 0), 0));
}

TEST_F(LabelsTest, AChannelOfTheInputInAConcatenationStays) {
  Value* one =
      net_.op("one", "aten::conv2d", "", {{"input", x_}, {"weight", net_.parameter("one.weight", {4, 3, 1, 1})}});
  end(net_.cat("cat", {x_, one}), 7, {2, 3, 9, 9});
  EXPECT_EQ(free("end.weight", 1), 4u);
  EXPECT_EQ(free("one.weight", 0), 4u);
}

TEST_F(LabelsTest, SplitsAndSlicesTakeTheirShare) {
  Value* one = conv("one", x_, 3, 8);
  graph::Node* split = net_.node("split", "aten::split", "Tensor",
                                 {{"self", one}, {"split_size", IValue(int64_t{4})}, {"dim", IValue(int64_t{1})}});
  graph::Node* unpack = net_.graph().add_structure("prim::ListUnpack", {split->output()}, 2, {}).value();
  Value* slice = net_.op("slice", "aten::slice", "Tensor",
                         {{"self", unpack->output(1)},
                          {"dim", IValue(int64_t{1})},
                          {"start", IValue(int64_t{1})},
                          {"end", IValue(int64_t{3})}});
  Value* narrow = net_.op("narrow", "aten::slice", "Tensor",
                          {{"self", unpack->output(0)}, {"dim", IValue(int64_t{1})}, {"end", IValue(int64_t{-2})}});
  end(net_.add("add", slice, narrow), 2, {2, 3, 9, 9});
  EXPECT_TRUE(together(axis("end.weight", 1), 0, axis("one.weight", 0), 5));
  EXPECT_TRUE(together(axis("end.weight", 1), 0, axis("one.weight", 0), 0));
  EXPECT_EQ(free("one.weight"), 6u);
}

TEST_F(LabelsTest, ChannelsOfZerosAreAsTheChannelsTheyAreAddedTo) {
  Value* one = conv("one", x_, 3, 4);
  Value* padded = net_.op("pad", "aten::constant_pad_nd", "", {{"self", one}, {"pad", IValue(Ints{0, 0, 0, 0, 1, 3})}});
  end(net_.add("add", padded, conv("two", x_, 3, 8)), 8, {2, 3, 9, 9});
  EXPECT_EQ(free("two.weight"), 8u);
  EXPECT_TRUE(together(axis("two.weight", 0), 1, axis("one.weight", 0), 0));
  EXPECT_TRUE(together(axis("two.weight", 0), 7, labels_->tensor(padded)->axes[1], 7));
}

TEST_F(LabelsTest, FlatteningRepeatsAChannelForEachPlace) {
  Value* flat = net_.flatten("flat", net_.relu("r", conv("one", x_, 3, 4)));
  analyze(net_.linear("fc", flat, 36, 5), {2, 3, 5, 5});
  EXPECT_EQ(free("one.weight"), 4u);
  EXPECT_EQ(free("fc.weight", 1), 4u);
  EXPECT_TRUE(together(axis("fc.weight", 1), 10, axis("one.weight", 0), 1));
}

TEST_F(LabelsTest, AChannelShuffleKeepsTheGreaterAxis) {
  Value* one = conv("one", x_, 3, 8);
  Value* parts = reshape("view", one, {-1, 2, 4, 4, 4});
  end(reshape("back", net_.transpose("t", parts, 1, 2), {-1, 8, 4, 4}), 8, {2, 3, 6, 6});
  EXPECT_EQ(free("one.weight"), 4u);
  EXPECT_TRUE(together(axis("one.weight", 0), 1, axis("one.weight", 0), 5));
  EXPECT_TRUE(together(axis("end.weight", 1), 2, axis("one.weight", 0), 1));
}

// [B, T, 8] -> q, k, v of 2 heads of 4.
TEST_F(LabelsTest, HeadsOfAttentionAreUnits) {
  const auto dim = [](int64_t value) { return IValue(value); };
  Value* qkv = reshape("parts", net_.linear("qkv", x_, 8, 24), {-1, 5, 3, 2, 4});
  qkv = net_.op("order", "aten::permute", "", {{"self", qkv}, {"dims", IValue(Ints{2, 0, 3, 1, 4})}});
  const auto part = [&](int64_t i) {
    return net_.op("part", "aten::select", "int", {{"self", qkv}, {"dim", dim(0)}, {"index", dim(i)}});
  };
  Value* scores = net_.softmax("softmax", net_.matmul("qk", part(0), net_.transpose("kt", part(1), -2, -1)));
  Value* mixed = net_.transpose("back", net_.matmul("av", scores, part(2)), 1, 2);
  analyze(net_.linear("proj", reshape("merge", mixed, {-1, 5, 8}), 8, 8), {2, 5, 8});
  EXPECT_EQ(free("qkv.weight"), 2u);
  for (const size_t i : {3, 8, 11, 16}) EXPECT_TRUE(together(axis("qkv.weight", 0), 0, axis("qkv.weight", 0), i)) << i;
  EXPECT_FALSE(together(axis("qkv.weight", 0), 0, axis("qkv.weight", 0), 4));
  EXPECT_TRUE(together(axis("qkv.weight", 0), 4, axis("proj.weight", 1), 7));
}

// The same from three layers, with the heads in the batch of a plain batched product.
TEST_F(LabelsTest, HeadsOfSeparateLayersGoTogether) {
  const auto head_parts = [&](const char* name) {
    Value* parts = reshape(name, net_.linear(name, x_, 8, 8), {-1, 5, 2, 4});
    return reshape(name, net_.transpose(name, parts, 1, 2), {-1, 5, 4});
  };
  const auto product = [&](const char* name, Value* one, Value* other) {
    return net_.op(name, "aten::bmm", "", {{"self", one}, {"mat2", other}});
  };
  Value* scores = product("qk", head_parts("q"), net_.transpose("kt", head_parts("k"), 1, 2));
  Value* mixed = product("av", net_.softmax("softmax", scores), head_parts("v"));
  mixed = net_.transpose("back", reshape("split", mixed, {-1, 2, 5, 4}), 1, 2);
  analyze(net_.linear("proj", reshape("merge", mixed, {-1, 5, 8}), 8, 8), {3, 5, 8});
  for (const char* name : {"q.weight", "k.weight", "v.weight"}) EXPECT_EQ(free(name), 2u) << name;
  EXPECT_TRUE(together(axis("q.weight", 0), 1, axis("k.weight", 0), 2));
  EXPECT_TRUE(together(axis("q.weight", 0), 1, axis("proj.weight", 1), 3));
}

TEST_F(LabelsTest, WholePowersKeepZerosAndRootsNeedEverything) {
  const auto power = [&](double exponent) {
    net_ = TestNet();
    x_ = net_.input("x");
    end(net_.op("p", "aten::pow", "Tensor_Scalar", {{"self", conv("one", x_, 3, 8)}, {"exponent", IValue(exponent)}}),
        8, {2, 3, 9, 9});
    return free("one.weight");
  };
  EXPECT_EQ(power(3), 8u);
  EXPECT_EQ(power(0.5), 0u);
  EXPECT_EQ(power(-1), 0u);
}

TEST_F(LabelsTest, NormalizationsOverChannelsNeedThemAll) {
  analyze(net_.linear("two", net_.layer_norm("norm", net_.linear("one", x_, 4, 8), 8), 8, 2), {2, 5, 4});
  EXPECT_EQ(free("one.weight"), 0u);
  EXPECT_EQ(free("norm.weight"), 0u);
}

TEST_F(LabelsTest, ASoftmaxOverChannelsNeedsThemAllAndOneOverTheImageDoesNot) {
  const auto softmax = [&](int64_t dim) {
    net_ = TestNet();
    x_ = net_.input("x");
    end(net_.op("s", "aten::softmax", "int", {{"self", conv("one", x_, 3, 8)}, {"dim", IValue(dim)}}), 8, {2, 3, 9, 9});
    return free("one.weight");
  };
  EXPECT_EQ(softmax(1), 0u);
  EXPECT_EQ(softmax(-1), 8u);
}

TEST_F(LabelsTest, AMeanOverChannelsNeedsThemAllASumOnlyWhatIsNotZero) {
  const auto reduce = [&](const char* op, bool sigmoid) {
    net_ = TestNet();
    x_ = net_.input("x");
    Value* one = conv("one", x_, 3, 8);
    if (sigmoid) one = net_.unary("sigmoid", "aten::sigmoid", one);
    analyze(net_.op("reduce", op, op == std::string("aten::sum") ? "dim_IntList" : "dim",
                    {{"self", one}, {"dim", IValue(Ints{1})}}),
            {2, 3, 9, 9});
    return free("one.weight");
  };
  EXPECT_EQ(reduce("aten::mean", false), 0u);
  EXPECT_EQ(reduce("aten::sum", false), 8u);
  EXPECT_EQ(reduce("aten::sum", true), 0u);
}

TEST_F(LabelsTest, ADivisorStaysAndSoDoesWhatItDivides) {
  Value *one = conv("one", x_, 3, 8), *two = conv("two", x_, 3, 8);
  end(net_.op("div", "aten::div", "Tensor", {{"self", one}, {"other", two}}), 8, {2, 3, 9, 9});
  EXPECT_EQ(free("one.weight"), 0u);
  EXPECT_EQ(free("two.weight"), 0u);
}

TEST_F(LabelsTest, AnOperatorWithoutARuleNeedsEverything) {
  end(net_.unary("log", "aten::log", conv("one", x_, 3, 8)), 8, {2, 3, 9, 9});
  EXPECT_EQ(free("one.weight"), 0u);
  EXPECT_EQ(free("end.weight", 1), 0u);
}

TEST_F(LabelsTest, TheNumberOfChannelsInAShapeFollowsAndElsewhereFixes) {
  const auto size = [&](bool in_shape) {
    net_ = TestNet();
    x_ = net_.input("x");
    Value* one = conv("one", x_, 3, 8);
    Value* count = net_.op("size", "aten::size", "int", {{"self", one}, {"dim", IValue(int64_t{1})}});
    if (in_shape) {
      const auto number = [&](int64_t value) { return net_.graph().add_constant(value); };
      graph::Node* shape = net_.graph()
                               .add_structure("prim::ListConstruct", {number(-1), count, number(7), number(7)}, 1, {},
                                              c10::IntType::get())
                               .value();
      one = net_.op("view", "aten::reshape", "", {{"self", one}, {"shape", shape->output()}});
    } else {
      one = net_.op("div", "aten::div", "Scalar", {{"self", one}, {"other", count}});
    }
    end(one, 8, {2, 3, 9, 9});
    return free("one.weight");
  };
  EXPECT_EQ(size(true), 8u);
  EXPECT_EQ(size(false), 0u);
}

TEST_F(LabelsTest, AWeightThatIsTransposedIsOneAllTheSame) {
  Value* hidden = net_.op("fc", "aten::addmm", "",
                          {{"self", net_.parameter("fc.bias", {6})},
                           {"mat1", x_},
                           {"mat2", net_.unary("t", "aten::t", net_.parameter("fc.weight", {6, 4}))}});
  analyze(net_.linear("end", net_.relu("r", hidden), 6, 2), {3, 4});
  EXPECT_EQ(free("fc.weight"), 6u);
  EXPECT_TRUE(same(axis("fc.weight", 0), axis("fc.bias", 0)));
  EXPECT_TRUE(same(axis("fc.weight", 0), axis("end.weight", 1)));
}

TEST_F(LabelsTest, TransformsAreSeenThrough) {
  struct PerChannel : graph::Transform {
    std::string_view type() const override { return "quantizer"; }
    at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0]; }
    int64_t channel_axis() const override { return 0; }
  };
  end(conv("one", x_, 3, 8), 8, {2, 3, 9, 9});
  // Rebuilt with a transform on the weight.
  TestNet net;
  Value* x = net.input("x");
  Value* weight = net.parameter("one.weight", {8, 3, 3, 3});
  Value *scale = net.parameter("scale", {8}), *mask = net.parameter("mask", {8, 3, 3, 3});
  graph::Node* hook = net.graph().add_transform(std::make_shared<PerChannel>(), {weight, scale, mask}, {}).value();
  Value* one = net.op("one", "aten::conv2d", "", {{"input", x}, {"weight", hook->output()}});
  net.output(net.conv("end", one, 8, 2));
  model_ = std::make_unique<graph::Model>(net.take_graph());
  labels_.emplace(ChannelLabels::analyze(*model_, {{2, 3, 9, 9}}, {}).value());
  EXPECT_EQ(free("one.weight"), 8u);
  EXPECT_TRUE(same(axis("one.weight", 0), axis("scale", 0)));
  EXPECT_TRUE(same(axis("one.weight", 0), axis("mask", 0)));
  EXPECT_FALSE(labels_->is_masked(model_->graph().find_parameter("scale")));
  EXPECT_TRUE(labels_->is_masked(model_->graph().find_parameter("one.weight")));
}

TEST_F(LabelsTest, AModelThatDoesNotRunSaysSo) {
  net_.output(conv("one", x_, 3, 8));
  graph::Model model(net_.take_graph());
  EXPECT_FALSE(ChannelLabels::analyze(model, {{2, 4, 9, 9}}, {}).ok());
}

}  // namespace
}  // namespace pare::pruning
