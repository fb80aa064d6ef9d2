#include "export/register_exporters.h"

#include <gtest/gtest.h>

#include "graph/exporters.h"

namespace pare::exporters {
namespace {

TEST(RegisterExportersTest, BothFormatsSurviveLinkingAndRegisteringTwice) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(graph::find_exporter("model.onnx").ok());
    EXPECT_TRUE(graph::find_exporter("MODEL.PT").ok());
    EXPECT_FALSE(graph::find_exporter("model.txt").ok());
    register_exporters();
  }
}

}  // namespace
}  // namespace pare::exporters
