#include "compression/quantization/tie_free_scales.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "graph/validate.h"

namespace pare::quantization {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// relu(x + y), each of the three quantized.
struct Net {
  explicit Net(double x_scale, double y_scale, double sum_scale, double alpha = 1) {
    x = quantize(graph.add_input("x"), x_scale);
    y = quantize(graph.add_input("y"), y_scale);
    Value* sum = add("aten::add", "Tensor", {x->output(), y->output(), graph.add_constant(alpha)});
    z = quantize(add("aten::relu", "", {sum}), sum_scale);
    graph.set_output(z->output());
  }
  Node* quantize(Value* value, double scale) {
    return *graph.add_operator(
        "aten::fake_quantize_per_tensor_affine", "",
        {value, graph.add_constant(scale), graph.add_constant(0), graph.add_constant(0), graph.add_constant(255)}, {});
  }
  Value* add(const char* op, const char* overload, std::vector<Value*> inputs) {
    return (*graph.add_operator(op, overload, std::move(inputs), {}))->output();
  }
  static double scale(const Node* node) { return node->input(1)->constant().toDouble(); }
  Graph graph;
  Node *x, *y, *z;
};

// How near the sums come to the middle between two levels, in levels.
double nearest_tie(double x_scale, double y_scale, double sum_scale) {
  double nearest = 1;
  for (int a = -128; a < 256; ++a) {
    for (int b = -128; b < 256; ++b) {
      const double level = (a * x_scale + b * y_scale) / sum_scale;
      nearest = std::min(nearest, std::abs(std::abs(level - std::floor(level)) - 0.5));
    }
  }
  return nearest;
}

TEST(TieFreeScales, NoSumLiesBetweenTwoLevels) {
  for (const auto& [x, y, z] : {std::tuple{0.05634654, 0.03326993, 0.03323394}, std::tuple{0.5, 0.25, 1.0},
                                std::tuple{0.0047283, 0.0161937, 0.0701231}, std::tuple{3.0, 3.0, 2.0}}) {
    Net net(x, y, z);
    EXPECT_EQ(make_scales_tie_free(net.graph).value(), 3);
    EXPECT_TRUE(graph::validate(net.graph).ok());
    EXPECT_LT(nearest_tie(x, y, z), 3e-5) << "else there would be nothing to do";
    EXPECT_GE(nearest_tie(Net::scale(net.x), Net::scale(net.y), Net::scale(net.z)), 0.99 / (2 * 16 * 1024));
    EXPECT_NEAR(Net::scale(net.x) / x, 1, 1.0 / 512);
    EXPECT_NEAR(Net::scale(net.y) / y, 1, 1.0 / 512);
    EXPECT_NEAR(Net::scale(net.z) / z, 1, 1.0 / 512);
    const double moved = Net::scale(net.x);
    EXPECT_EQ(moved, static_cast<double>(static_cast<float>(moved))) << "exact in float32";
    EXPECT_EQ(make_scales_tie_free(net.graph).value(), 3);
    EXPECT_EQ(Net::scale(net.x), moved) << "again changes nothing";
  }
}

TEST(TieFreeScales, OnlyWhatAnAdditionJoins) {
  Net weighted(0.5, 0.25, 1.0, /*alpha=*/2), apart(0.001, 1.0, 1.0);
  EXPECT_EQ(make_scales_tie_free(weighted.graph).value(), 0);
  EXPECT_EQ(make_scales_tie_free(apart.graph).value(), 0);
  Net net(0.3, 0.7, 0.9);
  Node* other = net.quantize(net.graph.add_input("other"), 0.4);
  net.graph.set_output(net.add("aten::mul", "Tensor", {net.z->output(), other->output()}));
  EXPECT_EQ(make_scales_tie_free(net.graph).value(), 3);
  EXPECT_EQ(Net::scale(other), 0.4);
}

TEST(TieFreeScales, ASharedRangeStaysShared) {
  Net net(0.3, 0.7, 0.9);
  Node* other = net.quantize(net.graph.add_input("other"), 0.9);
  net.graph.set_output(net.add("aten::mul", "Tensor", {net.z->output(), other->output()}));
  EXPECT_EQ(make_scales_tie_free(net.graph).value(), 4);
  EXPECT_NE(Net::scale(other), 0.9);
  EXPECT_EQ(Net::scale(other), Net::scale(net.z));
}

}  // namespace
}  // namespace pare::quantization
