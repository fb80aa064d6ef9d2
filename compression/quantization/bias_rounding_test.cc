#include "compression/quantization/bias_rounding.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <utility>
#include <vector>

#include "graph/validate.h"

namespace pare::quantization {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// linear(x / 0.5, weight a channel by 0.25 and 0.125, bias), all of it quantized; `between` stands behind the data.
struct Net {
  explicit Net(at::Tensor bias_values, bool quantize_data = true, int64_t axis = 0) {
    Value* x = graph.add_input("x");
    if (quantize_data) x = quantize(x, 0.5);
    x = add("aten::flatten", "using_ints", {x, graph.add_constant(1), graph.add_constant(-1)});
    weight = *graph.add_parameter("w", at::tensor({1.0f, 0.5f, -0.25f, 0.125f}).reshape({2, 2}));
    bias = *graph.add_parameter("b", std::move(bias_values));
    Value* q =
        add("aten::fake_quantize_per_channel_affine", "",
            {weight, graph.add_constant(at::tensor({0.25f, 0.125f})), graph.add_constant(at::zeros({2}, at::kInt)),
             graph.add_constant(axis), graph.add_constant(-127), graph.add_constant(127)});
    graph.set_output(add("aten::linear", "", {x, q, bias}));
  }
  Value* quantize(Value* x, double scale) {
    return add("aten::fake_quantize_per_tensor_affine", "",
               {x, graph.add_constant(scale), graph.add_constant(0), graph.add_constant(0), graph.add_constant(255)});
  }
  Value* add(const char* op, const char* overload, std::vector<Value*> inputs) {
    return (*graph.add_operator(op, overload, std::move(inputs), {}))->output();
  }
  Graph graph;
  Value *weight, *bias;
};

TEST(BiasRounding, ToWholeProductsOfTheScales) {
  const at::Tensor original = at::tensor({1.07f, -0.1f});
  Net net(original);
  EXPECT_EQ(round_biases(net.graph).value(), 1);
  EXPECT_TRUE(graph::validate(net.graph).ok());
  // Units 0.125 and 0.0625: 8.56 and -1.6 of them.
  EXPECT_TRUE(net.bias->tensor().equal(at::tensor({9 * 0.125f, -2 * 0.0625f})));
  EXPECT_FLOAT_EQ(original[0].item<float>(), 1.07f) << "whoever shares the tensor keeps it";
  EXPECT_EQ(round_biases(net.graph).value(), 1);
  EXPECT_TRUE(net.bias->tensor().equal(at::tensor({9 * 0.125f, -2 * 0.0625f}))) << "again changes nothing";
}

TEST(BiasRounding, LeavesWhatNoIntegerAdds) {
  const at::Tensor bias = at::tensor({1.07f, -0.1f});
  Net data_in_float(bias, /*quantize_data=*/false), along_the_input(bias, true, /*axis=*/1);
  EXPECT_EQ(round_biases(data_in_float.graph).value(), 0);
  EXPECT_EQ(round_biases(along_the_input.graph).value(), 0);
  Net shared(bias);
  shared.graph.set_output(
      shared.add("aten::add", "Tensor", {shared.graph.output(), shared.bias, shared.graph.add_constant(1)}));
  EXPECT_EQ(round_biases(shared.graph).value(), 0);
  EXPECT_TRUE(shared.bias->tensor().equal(bias));
  Net huge(at::tensor({1.0f, 1e9f})), nan(at::tensor({1.0f, std::numeric_limits<float>::quiet_NaN()}));
  EXPECT_EQ(round_biases(huge.graph).value(), 0);
  EXPECT_EQ(round_biases(nan.graph).value(), 0);
}

}  // namespace
}  // namespace pare::quantization
