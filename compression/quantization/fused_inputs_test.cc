#include "compression/quantization/fused_inputs.h"

#include "compression/analysis/test_net.h"

namespace pare::quantization {
namespace {

using c10::IValue;
using graph::Value;

// Each test draws its network from x = conv(input), and asks which inputs of which operators are fused.
class FusedInputsTest : public ::testing::Test {
 protected:
  bool is_fused(const Value* output, size_t input) {
    const DataFlow flow(net_.graph(), TargetDevice::kAny);
    return FusedInputs(net_.graph(), flow).contains(output->producer(), input);
  }
  size_t count() {
    const DataFlow flow(net_.graph(), TargetDevice::kAny);
    return FusedInputs(net_.graph(), flow).size();
  }
  Value* view(const std::string& scope, Value* x) {
    return net_.op(scope, "aten::view", "", {{"self", x}, {"size", IValue(std::vector<int64_t>{1, -1})}});
  }
  Value* mean(const std::string& scope, Value* x) {
    return net_.op(scope, "aten::mean", "dim",
                   {{"self", x}, {"dim", IValue(std::vector<int64_t>{-1})}, {"keepdim", IValue(true)}});
  }
  Value* div(const std::string& scope, Value* a, Value* b) {
    return net_.op(scope, "aten::div", "Tensor", {{"self", a}, {"other", b}});
  }
  Value* pow(const std::string& scope, Value* x, int64_t exponent) {
    return net_.op(scope, "aten::pow", "Tensor_Scalar", {{"self", x}, {"exponent", IValue(exponent)}});
  }

  TestNet net_;
  Value* x_ = net_.conv("conv", net_.input("input"), 3, 8);
  Value* other_ = net_.conv("other", net_.input("second"), 3, 8);
};

TEST_F(FusedInputsTest, ConstantArithmeticAfterAConvolutionAndReshapes) {
  Value* scaled = net_.scale("s", view("v", x_), 2);
  Value* biased = net_.add("b", scaled, net_.parameter("bias", {8}));
  EXPECT_TRUE(is_fused(scaled, 0));
  EXPECT_TRUE(is_fused(biased, 0));
}

TEST_F(FusedInputsTest, ConstantArithmeticAfterAnActivationIsNot) {
  EXPECT_FALSE(is_fused(net_.scale("s", net_.relu("r", x_), 2), 0));
}

TEST_F(FusedInputsTest, AResidualSumIsNot) {
  Value* sum = net_.add("sum", x_, other_);
  EXPECT_FALSE(is_fused(sum, 0));
  EXPECT_FALSE(is_fused(sum, 1));
}

TEST_F(FusedInputsTest, Swish) {
  Value* y = net_.mul("mul", x_, net_.unary("sig", "aten::sigmoid", x_));
  EXPECT_TRUE(is_fused(y, 0));
  EXPECT_TRUE(is_fused(y, 1));
}

TEST_F(FusedInputsTest, HardSwishInPieces) {
  Value* shifted = net_.shift("add", x_, 3);
  Value* clipped =
      net_.op("clip", "aten::hardtanh", "", {{"self", shifted}, {"min_val", IValue(0.0)}, {"max_val", IValue(6.0)}});
  Value* product = net_.mul("mul", x_, clipped);
  Value* y = net_.scale("div", product, 1.0 / 6);
  EXPECT_TRUE(is_fused(shifted, 0));
  EXPECT_TRUE(is_fused(product, 0));
  EXPECT_TRUE(is_fused(product, 1));
  EXPECT_TRUE(is_fused(y, 0));
}

TEST_F(FusedInputsTest, HardSigmoidInPiecesEvenAfterAPool) {
  Value* shifted = net_.shift("add", net_.max_pool("pool", x_), 3);
  Value* clipped = net_.unary("clip", "aten::relu6", shifted);
  Value* y = net_.scale("div", clipped, 1.0 / 6);
  EXPECT_TRUE(is_fused(shifted, 0));
  EXPECT_TRUE(is_fused(y, 0));
}

TEST_F(FusedInputsTest, GeluInPieces) {
  Value* inner = net_.scale("inner", x_, 0.7071);
  Value* one_more = net_.shift("plus", net_.unary("erf", "aten::erf", inner), 1);
  Value* product = net_.mul("mul", net_.scale("half", x_, 0.5), one_more);
  for (Value* value : {inner, one_more, product}) EXPECT_TRUE(is_fused(value, 0)) << value->name();
  EXPECT_TRUE(is_fused(product, 1));
}

TEST_F(FusedInputsTest, LayerNormInPieces) {
  Value* sum = net_.add("sum", x_, other_);
  Value* centered = net_.op("sub", "aten::sub", "Tensor", {{"self", sum}, {"other", mean("mean", sum)}});
  Value* variance = mean("variance", pow("pow", centered, 2));
  Value* y = div("div", centered, net_.unary("sqrt", "aten::sqrt", net_.shift("eps", variance, 1e-5)));
  for (Value* value : {centered, variance, y}) EXPECT_TRUE(is_fused(value, 0)) << value->name();
  EXPECT_TRUE(is_fused(y, 1));
  EXPECT_FALSE(is_fused(sum, 0));
}

TEST_F(FusedInputsTest, RotaryHalves) {
  const auto half = [&](const char* scope, int64_t start) {
    return net_.op(scope, "aten::slice", "Tensor",
                   {{"self", x_}, {"dim", IValue(int64_t{1})}, {"start", IValue(start)}, {"end", IValue(start + 4)}});
  };
  Value* rotated = net_.cat("cat", {net_.unary("neg", "aten::neg", half("second", 4)), half("first", 0)});
  Value* left = net_.mul("left", x_, net_.parameter("cos", {8}));
  Value* right = net_.mul("right", rotated, net_.parameter("sin", {8}));
  Value* y = net_.add("y", left, right);
  for (Value* value : {left, right, y}) EXPECT_TRUE(is_fused(value, 0)) << value->name();
}

TEST_F(FusedInputsTest, SumsOfSlicesAreArithmetic) {
  Value* rolled = net_.op("roll", "aten::roll", "", {{"self", x_}, {"shifts", IValue(std::vector<int64_t>{1})}});
  Value* y = net_.add("add", x_, rolled);
  EXPECT_FALSE(is_fused(y, 0));
  EXPECT_FALSE(is_fused(y, 1));
}

TEST_F(FusedInputsTest, SqueezeAndExciteGate) {
  Value* y = net_.relu("relu", x_);
  Value* squeezed = net_.conv("reduce", net_.global_pool("pool", y), 8, 2);
  Value* gate = net_.unary("sig", "aten::sigmoid", net_.conv("expand", net_.relu("act", squeezed), 2, 8));
  Value* gated = net_.mul("mul", gate, y);
  EXPECT_TRUE(is_fused(gated, 0));
  EXPECT_TRUE(is_fused(gated, 1));
}

TEST_F(FusedInputsTest, AGateThatIsNotPooledIsAProduct) {
  Value* gated = net_.mul("mul", x_, net_.unary("sig", "aten::sigmoid", other_));
  EXPECT_FALSE(is_fused(gated, 0));
  EXPECT_FALSE(is_fused(gated, 1));
}

TEST_F(FusedInputsTest, Attention) {
  Value* scores = net_.matmul("qk", x_, net_.transpose("t", other_, -1, -2));
  Value* scaled = net_.scale("scale", scores, 0.125);
  Value* masked = net_.add("mask", scaled, net_.input("mask"));
  Value* weighted = net_.matmul("av", net_.softmax("softmax", masked), other_);
  EXPECT_FALSE(is_fused(scores, 0));
  EXPECT_FALSE(is_fused(scores, 1));
  EXPECT_TRUE(is_fused(scaled, 0));
  EXPECT_TRUE(is_fused(masked, 0));
  EXPECT_TRUE(is_fused(masked, 1));
  EXPECT_TRUE(is_fused(weighted, 0));
  EXPECT_TRUE(is_fused(weighted, 1));
}

TEST_F(FusedInputsTest, LongChainsOfRegionsStayLinear) {
  // Each swish's region reaches back to x; were it walked again for each, this would not end in a test's time.
  Value* y = x_;
  for (int i = 0; i < 3000; ++i) y = net_.mul("m" + std::to_string(i), y, net_.unary("s", "aten::sigmoid", y));
  EXPECT_EQ(count(), 3u * 3000);
}

}  // namespace
}  // namespace pare::quantization
