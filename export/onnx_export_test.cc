#include "export/onnx_export.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <cstdio>
#include <map>

#include "base/atomic_file.h"
#include "export/onnx/graph_test_util.h"
#include "export/onnxruntime/onnxruntime_node.h"

namespace pare::exporters {
namespace {

// conv + bn + relu, residual, pooling and a classifier; quantized to 8 bits or not.
void build(TestGraph& graph, bool quantized, int64_t width) {
  const auto weight = [&](const std::string& name, const Ints& shape) -> graph::Value* {
    graph::Value* parameter = graph.parameter(name, random_tensor(shape, shape[0] + shape.size()) * 0.1);
    if (!quantized) return parameter;
    // Levels of up to 63: processors without VNNI saturate sums of two products of eight bits.
    const at::Tensor scale = at::full({shape[0]}, 0.4 / 63);
    return graph.call("aten::fake_quantize_per_channel_affine", "",
                      {parameter, scale, at::zeros({shape[0]}, at::kInt), 0, -63, 63});
  };
  const auto activation = [&](graph::Value* x, double scale, int64_t zero_point) {
    return quantized ? graph.call("aten::fake_quantize_per_tensor_affine", "", {x, scale, zero_point, 0, 255}) : x;
  };
  graph::Value* x = activation(graph.input(), 0.04, 128);
  graph::Value* y = graph.call("aten::conv2d", "",
                               {x, weight("conv1.weight", {width, 3, 3, 3}),
                                graph.parameter("conv1.bias", random_tensor({width}, 9)), Ints{1}, Ints{1}},
                               "conv1");
  y = activation(graph.call("aten::relu", "", {y}, "relu1"), 0.02, 0);
  graph::Value* z = graph.call(
      "aten::conv2d", "", {y, weight("conv2.weight", {width, width, 3, 3}), c10::IValue(), Ints{1}, Ints{1}}, "conv2");
  if (!quantized) {
    z = graph.call(
        "aten::batch_norm", "",
        {z, graph.parameter("bn2.weight", random_tensor({width}, 5)),
         graph.parameter("bn2.bias", random_tensor({width}, 6)), graph.parameter("bn2.mean", random_tensor({width}, 7)),
         graph.parameter("bn2.var", random_tensor({width}, 8).abs() + 1), false, 0.1, 1e-5, false},
        "bn2");
  }
  z = graph.call("aten::relu", "", {graph.call("aten::add", "Tensor", {activation(z, 0.03, 128), y})}, "relu2");
  z = graph.call("aten::adaptive_avg_pool2d", "", {activation(z, 0.04, 0), Ints{1, 1}}, "pool");
  z = activation(graph.call("aten::flatten", "using_ints", {z, 1}), 0.02, 0);
  graph.output(graph.call("aten::linear", "",
                          {z, weight("fc.weight", {10, width}), graph.parameter("fc.bias", random_tensor({10}, 3))},
                          "fc"));
}

class File {
 public:
  File() : path_(::testing::TempDir() + "/onnx_export_test." + std::to_string(::getpid()) + ".onnx") {}
  ~File() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::map<std::string, int> count_ops(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  std::map<std::string, int> counts;
  for (const onnx::NodeProto& node : model.graph().node()) ++counts[node.op_type()];
  return counts;
}

TEST(OnnxExportTest, BatchNormIsGoneAndTheModelAsItWas) {
  TestGraph graph;
  build(graph, false, 8);
  const std::string listing = graph.graph().to_string();
  std::vector<at::Tensor> before;
  for (const at::Tensor& parameter : graph.model().parameters()) before.push_back(parameter.clone());
  const auto bytes = to_onnx(graph.model(), {{1, 3, 8, 8}});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto counts = count_ops(*bytes);
  EXPECT_EQ(counts.count("BatchNormalization"), 0u);
  EXPECT_EQ(counts.at("Conv"), 2);
  EXPECT_EQ(counts.at("Flatten"), 1);
  EXPECT_EQ(graph.graph().to_string(), listing);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(graph.model().parameters()[i].equal(before[i]));
  EXPECT_EQ(*to_onnx(graph.model(), {{1, 3, 8, 8}}), *bytes);
}

TEST(OnnxExportTest, AQuantizedModelIsAQuarterOfTheSize) {
  TestGraph real, quantized;
  build(real, false, 96);
  build(quantized, true, 96);
  const auto large = to_onnx(real.model(), {{1, 3, 8, 8}}), small = to_onnx(quantized.model(), {{1, 3, 8, 8}});
  ASSERT_TRUE(large.ok() && small.ok()) << large.status() << small.status();
  EXPECT_LT(static_cast<double>(small->size()), 0.3 * static_cast<double>(large->size()));
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(*small));
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (tensor.name().find(".weight") != std::string::npos) {
      EXPECT_EQ(tensor.data_type(), onnx::TensorProto::INT8) << tensor.name();
    }
  }
}

// The runtime computes in integers what we compute in floating point: outputs differ by steps of the last activation.
TEST(OnnxExportTest, OnnxRuntimeComputesTheSame) {
  if (const auto package = find_onnxruntime_node(); !package.ok()) GTEST_SKIP() << package.status().message();
  for (bool quantized : {false, true}) {
    TestGraph graph;
    build(graph, quantized, 16);
    const File file;
    ASSERT_TRUE(export_onnx(graph.model(), {{1, 3, 8, 8}}, file.path()).ok());
    auto runtime = OnnxRuntimeNode::start(file.path());
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    for (int64_t batch : {1, 2, 7}) {
      const at::Tensor x = random_tensor({batch, 3, 8, 8}, 40 + batch);
      const auto ours = graph.model().forward_tensor({x});
      ASSERT_TRUE(ours.ok()) << ours.status();
      const auto theirs = (*runtime)->run({x});
      ASSERT_TRUE(theirs.ok()) << theirs.status();
      const double difference = (theirs->at(0) - *ours).abs().max().item<double>();
      EXPECT_LT(difference, quantized ? 0.02 : 1e-5) << quantized;
    }
  }
}

TEST(OnnxExportTest, NothingIsLeftBehindOnErrors) {
  TestGraph graph;
  graph.output(graph.call("aten::special_i0e", "", {graph.input()}));
  const File file;
  EXPECT_EQ(export_onnx(graph.model(), {{1, 3}}, file.path()).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(read_file(file.path()).status().code(), absl::StatusCode::kNotFound);
  TestGraph fine;
  fine.output(fine.call("aten::relu", "", {fine.input()}));
  EXPECT_FALSE(export_onnx(fine.model(), {{1, 3}}, "/no/such/folder/model.onnx").ok());
}

TEST(OnnxExportTest, InputsHaveTheDtypesOfTheLastRun) {
  TestGraph graph;
  graph::Value *x = graph.input("x"), *mask = graph.input("mask");
  graph.output(graph.call("aten::masked_fill", "Scalar", {x, mask, 0}));
  ASSERT_TRUE(graph.model().forward_tensor({at::ones({2, 3}), at::ones({2, 3}, at::kBool)}).ok());
  const auto bytes = to_onnx(graph.model(), {{2, 3}, {2, 3}});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(*bytes));
  EXPECT_EQ(model.graph().input(0).type().tensor_type().elem_type(), onnx::TensorProto::FLOAT);
  EXPECT_EQ(model.graph().input(1).type().tensor_type().elem_type(), onnx::TensorProto::BOOL);
}

// A nested tensor has no shape to look at; that it has no form in ONNX is the better message.
TEST(OnnxExportTest, AnOperatorWithoutAnExporterIsNamedThoughItCannotBeExecuted) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* mask = graph.parameter("mask", at::ones({2, 3}, at::kBool));
  graph::Value* nested = graph.call("aten::_nested_tensor_from_mask", "", {x, mask}, "encoder");
  graph.output(graph.call("aten::to_padded_tensor", "", {nested, 0.0}));
  const absl::Status status = to_onnx(graph.model(), {{2, 3, 4}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_NE(status.message().find("encoder/aten::_nested_tensor_from_mask"), std::string::npos) << status;
}

}  // namespace
}  // namespace pare::exporters
