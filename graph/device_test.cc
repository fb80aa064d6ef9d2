#include "graph/device.h"

#include <ATen/ops/ones.h>

#include "gtest/gtest.h"

namespace pare::graph {
namespace {

at::Tensor on(at::DeviceType device) { return at::ones({2}, at::TensorOptions(device)); }

TEST(Device, IsTheCpuWithoutTensors) { EXPECT_EQ(device_of(Graph()), c10::Device(c10::kCPU)); }

// "meta" is another device that every machine has.
TEST(Device, IsThatOfTheParametersAndElseOfTheBuffers) {
  Graph graph;
  ASSERT_TRUE(graph.add_buffer("mean", on(at::kMeta)).ok());
  EXPECT_EQ(device_of(graph), c10::Device(c10::kMeta));
  ASSERT_TRUE(graph.add_parameter("weight", on(at::kCPU)).ok());
  EXPECT_EQ(device_of(graph), c10::Device(c10::kCPU));
}

}  // namespace
}  // namespace pare::graph
