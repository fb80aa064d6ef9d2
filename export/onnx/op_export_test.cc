#include "export/onnx/op_export.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"
#include "export/onnx/op_registry.h"

namespace pare::exporters {
namespace {

// Runs `body` as the exporter of an operator in a graph, and returns what the export says.
absl::Status with(TestGraph& graph, const Shapes& shapes, const std::string& name, OpExporter body) {
  const auto original = find_op_exporter(name);
  register_op_exporter(name, std::move(body));
  const absl::Status status = onnx_error(graph, shapes);
  register_op_exporter(name, *original);
  return status;
}

TEST(OpExportTest, ArgumentsByName) {
  TestGraph graph;
  graph.output(graph.call("aten::max_pool2d", "", {graph.input(), Ints{3}, Ints{}, Ints{1, 0}}));
  const absl::Status status = with(graph, {{2, 3, 8, 8}}, "aten::max_pool2d", [](OpExport& op) {
    EXPECT_EQ(op.integers("kernel_size", 2), (Ints{3, 3}));
    EXPECT_EQ(op.integers("stride", 2, {7}), (Ints{7, 7}));
    EXPECT_EQ(op.integers("padding", 2), (Ints{1, 0}));
    EXPECT_FALSE(op.boolean("ceil_mode"));
    EXPECT_FALSE(op.has("no_such_argument"));
    EXPECT_TRUE(op.is_tensor("self"));
    EXPECT_EQ(op.info("self").dims, (std::vector<Dim>{{2, 3}, {3, 3}, {8, 8}, {8, 8}}));
    EXPECT_THROW(op.integer("self"), ExportError);
    EXPECT_THROW(op.tensor("no_such_argument"), ExportError);
    EXPECT_THROW(op.integers("padding", 3), ExportError);
    op.set_output(op.tensor("self"));
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST(OpExportTest, SizesThatGrowWithTheBatchAreComputed) {
  TestGraph graph;
  graph.output(graph.call("aten::relu", "", {graph.input()}));
  const absl::Status status = with(graph, {{2, 3}}, "aten::relu", [](OpExport& op) {
    EXPECT_NE(op.find_initializer(op.sizes({{4, 4}, {5, 5}})), nullptr);
    EXPECT_EQ(op.find_initializer(op.sizes({{2, 3}, {5, 5}})), nullptr);
    // 2 for a batch of 2 and 2.5 for 3: no multiple.
    EXPECT_THROW(op.sizes({{4, 5}}), ExportError);
    op.set_output(op.tensor("self"));
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST(OpExportTest, ConstantsAreComputedAtExport) {
  TestGraph graph;
  graph.output(graph.call("aten::relu", "", {graph.input()}));
  const absl::Status status = with(graph, {{2, 3}}, "aten::relu", [](OpExport& op) {
    const std::string matrix = op.constant(random_tensor({2, 3}));
    EXPECT_NE(op.find_initializer(op.transpose(matrix, {1, 0})), nullptr);
    EXPECT_EQ(op.find_initializer(op.reshape(matrix, {{2, 2}, {3, 3}}, {{6, 6}}))->dim(), 1);
    EXPECT_EQ(op.find_initializer(op.cast(matrix, at::kFloat, at::kLong))->scalar_type(), at::kLong);
    op.set_output(op.tensor("self"));
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST(OpExportTest, WhatAnExporterThrowsNamesTheNode) {
  TestGraph graph;
  graph.output(graph.call("aten::relu", "", {graph.input()}, "layer1.act"));
  const absl::Status status = with(graph, {{2, 3}}, "aten::relu", [](OpExport& op) { op.info("self").dims.at(9); });
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("layer1.act/aten::relu"), std::string::npos) << status;
}

TEST(OpExportTest, PlacesFromTheEnd) {
  EXPECT_EQ(from_start(-1, 4), 3);
  EXPECT_EQ(from_start(2, 4), 2);
  EXPECT_EQ(iota(3), (Ints{0, 1, 2}));
  EXPECT_TRUE(iota(0).empty());
}

}  // namespace
}  // namespace pare::exporters
