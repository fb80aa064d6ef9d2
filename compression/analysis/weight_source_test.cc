#include "compression/analysis/weight_source.h"

#include <ATen/ops/mul.h>

#include "compression/analysis/test_net.h"

namespace pare {
namespace {

using c10::IValue;

class WeightSourceTest : public ::testing::Test {
 protected:
  std::optional<WeightSource> source(graph::Value* output, size_t input, int64_t axis) {
    const DataFlow flow(net_.graph(), TargetDevice::kAny);
    return find_weight_source(output->producer(), input, axis, flow);
  }

  TestNet net_;
  graph::Value* x_ = net_.input("x");
};

TEST_F(WeightSourceTest, AParameterAtOnce) {
  graph::Value* y = net_.conv("c", x_, 3, 8);
  const auto found = source(y, 1, 0);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->value->name(), "c.weight");
  EXPECT_EQ(found->channel_axis, 0);
  EXPECT_EQ(found->use, (graph::Use{y->producer(), 1}));
}

TEST_F(WeightSourceTest, TransposingMovesTheAxis) {
  graph::Value* w = net_.parameter("w", {8, 3});
  graph::Value* t = net_.unary("t", "aten::t", w);
  const auto found = source(net_.matmul("m", x_, t), 1, -1);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->value, w);
  EXPECT_EQ(found->channel_axis, 0);
  EXPECT_EQ(found->use, (graph::Use{t->producer(), 0}));
}

TEST_F(WeightSourceTest, PermutingAndSelectingMoveTheAxis) {
  graph::Value* w = net_.parameter("w", {3, 8, 5});  // [parts, in, out]
  graph::Value* part =
      net_.op("s", "aten::select", "int", {{"self", w}, {"dim", IValue(int64_t{0})}, {"index", IValue(int64_t{1})}});
  EXPECT_EQ(source(net_.matmul("m", x_, part), 1, -1)->channel_axis, 2);
  graph::Value* permuted =
      net_.op("p", "aten::permute", "", {{"self", w}, {"dims", IValue(std::vector<int64_t>{0, 2, 1})}});
  EXPECT_EQ(source(net_.matmul("n", x_, permuted), 1, -1)->channel_axis, 1);
  EXPECT_EQ(source(net_.matmul("o", x_, net_.transpose("t", w, -1, -2)), 1, -1)->channel_axis, 1);
}

TEST_F(WeightSourceTest, UnsqueezingMakesAnAxisThatIsNotTheWeights) {
  graph::Value* w = net_.parameter("w", {8, 3});
  graph::Value* wide = net_.op("u", "aten::unsqueeze", "", {{"self", w}, {"dim", IValue(int64_t{0})}});
  EXPECT_EQ(source(net_.matmul("m", x_, wide), 1, -1)->channel_axis, 1);
  EXPECT_FALSE(source(net_.matmul("n", x_, wide), 1, 0)->channel_axis.has_value());
}

TEST_F(WeightSourceTest, AReshapeHidesTheAxis) {
  graph::Value* w = net_.parameter("w", {24});
  graph::Value* view = net_.op("v", "aten::view", "", {{"self", w}, {"size", IValue(std::vector<int64_t>{8, 3})}});
  const auto found = source(net_.matmul("m", x_, view), 1, -1);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->value, w);
  EXPECT_FALSE(found->channel_axis.has_value());
}

TEST_F(WeightSourceTest, ActivationsConstantsAndComputedWeightsAreNone) {
  EXPECT_FALSE(source(net_.matmul("a", x_, net_.relu("r", x_)), 1, -1).has_value());
  graph::Value* constant = net_.graph().add_constant(at::ones({3, 3}));
  EXPECT_FALSE(source(net_.matmul("c", x_, constant), 1, -1).has_value());
  graph::Value* computed = net_.scale("s", net_.parameter("w", {3, 3}), 2);
  EXPECT_FALSE(source(net_.matmul("m", x_, computed), 1, -1).has_value());
}

class Mask : public graph::Transform {
 public:
  std::string_view type() const override { return "mask"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return at::mul(inputs[0], inputs[1]); }
};

TEST_F(WeightSourceTest, SeesThroughAnotherMethodsTransform) {
  graph::Value* w = net_.parameter("w", {8, 3});
  graph::Value* bits = net_.graph().add_buffer("mask", at::ones({8, 3})).value();
  graph::Node* mask = net_.graph().add_transform(std::make_shared<Mask>(), {w, bits}, {}).value();
  graph::Value* y = net_.op("fc", "aten::linear", "", {{"input", x_}, {"weight", mask->output()}});
  const auto found = source(y, 1, 0);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->value, w);
  EXPECT_EQ(found->channel_axis, 0);
  EXPECT_EQ(found->use, (graph::Use{mask, 0}));
}

}  // namespace
}  // namespace pare
