#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

graph::Value* batch_norm(TestGraph& graph, graph::Value* x, int64_t channels) {
  return graph.call("aten::batch_norm", "",
                    {x, graph.parameter("bn.weight", random_tensor({channels}, 4)),
                     graph.parameter("bn.bias", random_tensor({channels}, 5)),
                     graph.parameter("bn.mean", random_tensor({channels}, 6)),
                     graph.parameter("bn.var", random_tensor({channels}, 7).abs() + 0.5), false, 0.1, 1e-5, true});
}

TEST(NormalizationTest, ABatchNormBecomesPartOfTheConvolution) {
  for (bool transposed : {false, true}) {
    TestGraph graph;
    graph::Value* weight =
        graph.parameter("weight", random_tensor(transposed ? Ints{4, 3, 3, 3} : Ints{6, 2, 3, 3}, 2));
    graph::Value* bias = graph.parameter("bias", random_tensor({6}, 3));
    graph::Value* y = graph.call("aten::_convolution", "",
                                 {graph.input(), weight, bias, Ints{1, 1}, Ints{1, 1}, Ints{1, 1}, transposed,
                                  Ints{0, 0}, 2, false, false, true, true});
    graph.output(batch_norm(graph, y, 6));
    const at::Tensor before = graph.graph().find_parameter("weight")->tensor().clone();
    EXPECT_EQ(onnx_ops(graph, {{2, 4, 5, 5}}), Ops{transposed ? "ConvTranspose" : "Conv"});
    EXPECT_TRUE(graph.graph().find_parameter("weight")->tensor().equal(before));
  }
}

TEST(NormalizationTest, ABatchNormOfAValueThatIsAlsoUsedElsewhereStays) {
  TestGraph graph;
  graph::Value* y =
      graph.call("aten::conv2d", "", {graph.input(), graph.parameter("weight", random_tensor({3, 2, 1, 1}, 2))});
  graph.output(graph.call("aten::add", "Tensor", {batch_norm(graph, y, 3), y}));
  EXPECT_EQ(onnx_ops(graph, {{2, 2, 4, 4}}), (Ops{"Conv", "BatchNormalization", "Add"}));
}

TEST(NormalizationTest, LayerNorm) {
  for (bool affine : {true, false}) {
    TestGraph graph;
    const Argument weight =
        affine ? Argument(graph.parameter("weight", random_tensor({3, 4}, 2))) : Argument(c10::IValue());
    const Argument bias =
        affine ? Argument(graph.parameter("bias", random_tensor({3, 4}, 3))) : Argument(c10::IValue());
    graph.output(graph.call("aten::layer_norm", "", {graph.input(), Ints{3, 4}, weight, bias, 1e-4}));
    EXPECT_EQ(onnx_ops(graph, {{2, 5, 3, 4}}), Ops{"LayerNormalization"});
  }
}

TEST(NormalizationTest, GroupAndInstanceNorm) {
  TestGraph group, instance;
  group.output(group.call("aten::group_norm", "",
                          {group.input(), 2, group.parameter("weight", random_tensor({4}, 2)),
                           group.parameter("bias", random_tensor({4}, 3))}));
  EXPECT_EQ(onnx_ops(group, {{2, 4, 3, 3}}), (Ops{"Reshape", "InstanceNormalization", "Reshape", "Mul", "Add"}));
  instance.output(instance.call(
      "aten::instance_norm", "",
      {instance.input(), c10::IValue(), c10::IValue(), c10::IValue(), c10::IValue(), true, 0.1, 1e-5, true}));
  EXPECT_EQ(onnx_ops(instance, {{2, 4, 3, 3}}), Ops{"InstanceNormalization"});
}

}  // namespace
}  // namespace pare::exporters
