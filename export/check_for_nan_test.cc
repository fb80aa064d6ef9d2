#include "export/check_for_nan.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "export/onnx/graph_test_util.h"
#include "export/onnx_export.h"
#include "export/torchscript_export.h"

namespace pare::exporters {
namespace {

TEST(CheckForNanTest, BothFormatsNameTheTensor) {
  TestGraph graph;
  graph::Value* weight = graph.parameter("layer1.fc.weight", at::full({3}, std::nan("")));
  graph.output(graph.call("aten::mul", "Tensor", {graph.input(), weight}));
  const std::string path = ::testing::TempDir() + "/check_for_nan_test.file";
  for (const absl::Status& status :
       {export_onnx(graph.model(), {{2, 3}}, path), export_torchscript(graph.model(), {{2, 3}}, path)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_NE(status.message().find("NaN in layer1.fc.weight"), std::string::npos) << status;
  }
}

TEST(CheckForNanTest, InfinitiesAndUnusedTensorsAreFine) {
  TestGraph graph;
  const at::Tensor mask = at::full({3}, -std::numeric_limits<double>::infinity());
  graph.graph().add_buffer("unused", at::full({3}, std::nan(""))).value();
  graph.output(graph.call("aten::add", "Tensor", {graph.input(), graph.graph().add_buffer("mask", mask).value()}));
  EXPECT_TRUE(check_for_nan(graph.model()).ok()) << check_for_nan(graph.model());
  EXPECT_TRUE(to_onnx(graph.model(), {{2, 3}}).ok());
}

TEST(CheckForNanTest, AConstantOfAnOperatorIsLookedAtToo) {
  TestGraph graph;
  graph.output(graph.call("aten::mul", "Tensor", {graph.input(), at::full({3}, std::nan(""))}, "head"));
  const absl::Status status = check_for_nan(graph.model());
  EXPECT_NE(status.message().find("head"), std::string::npos) << status;
}

}  // namespace
}  // namespace pare::exporters
