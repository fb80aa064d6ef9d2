#include "export/onnx/op_registry.h"

#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

TEST(OpRegistryTest, AnotherOperatorsExporterCanBeAdded) {
  TestGraph graph;
  graph.output(graph.call("aten::special_entr", "", {graph.input()}));
  const absl::Status before = onnx_error(graph, {{2, 3}});
  EXPECT_EQ(before.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(before.message().find("aten::special_entr"), std::string::npos) << before;
  EXPECT_TRUE(register_op_exporter("aten::special_entr", [](OpExport& op) {
    const std::string x = op.tensor("self");
    op.set_output(op.emit("Neg", {op.emit("Mul", {x, op.emit("Log", {x})})}));
  }));
  EXPECT_TRUE(onnx_error(graph, {{2, 3}}).ok());
}

TEST(OpRegistryTest, OursAreThere) {
  EXPECT_TRUE(find_op_exporter("aten::conv2d").has_value());
  EXPECT_FALSE(find_op_exporter("aten::no_such_operator").has_value());
  EXPECT_GT(exportable_ops().size(), 200u);
}

}  // namespace
}  // namespace pare::exporters
