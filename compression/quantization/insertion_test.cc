#include "compression/quantization/insertion.h"

#include <string>

#include "compression/quantization/placement_testing.h"
#include "graph/validate.h"

namespace pare::quantization {
namespace {

TEST(Insertion, PutsEveryQuantizerWhereItsPointSays) {
  TestNet net;
  graph::Value* x = net.input("x");
  graph::Value* first = net.relu("relu1", net.conv("conv1", x, 3, 8));
  net.output(net.conv("conv2", first, 8, 4));
  PlacementOptions options;
  options.weights.per_channel = true;
  const QuantizerSetup setup = place(net, options);
  const auto inserted = insert_quantizers(net.graph(), setup, {});
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  ASSERT_EQ(inserted->size(), 4);
  EXPECT_TRUE(graph::validate(net.graph()).ok());
  const graph::Value* scale = net.graph().find_parameter("conv1.weight.quantizer.scale");
  ASSERT_NE(scale, nullptr);
  EXPECT_EQ(scale->tensor().numel(), 8);
  EXPECT_TRUE(scale->tensor().requires_grad());
  for (const InsertedQuantizer& q : *inserted) {
    EXPECT_EQ(q.node->input(0), q.point.value);
    for (const graph::Use& use : q.point.uses) EXPECT_EQ(use.user->input(use.index), q.node->output());
    EXPECT_EQ(q.node->op(), "pare::quantizer");
  }
}

// The device "meta" stands for a GPU: it is everywhere.
TEST(Insertion, ParametersAreWhereTheModelIs) {
  TestNet net;
  net.output(net.conv("conv1", net.input("x"), 3, 8));
  for (graph::Value* weight : net.graph().parameters()) {
    weight->set_tensor(weight->tensor().detach().to(at::kMeta).set_requires_grad(true));
  }
  const auto inserted = insert_quantizers(net.graph(), place(net, {}), {});
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  ASSERT_EQ(inserted->size(), 2) << "of the weight and of the activation";
  for (const graph::Value* parameter : net.graph().parameters()) {
    EXPECT_EQ(parameter->tensor().device(), c10::Device(at::kMeta)) << parameter->name();
  }
}

TEST(Insertion, AGroupSharesItsParameters) {
  TestNet net;
  graph::Value* x = net.input("x");
  graph::Value* y = net.input("y");
  graph::Value* sum = net.add("sum", x, y);
  net.output(sum);
  QuantizerSetup setup;
  graph::Node* node = sum->producer();
  setup.points.push_back({.value = x, .uses = {{node, 0}}, .name = "x", .unified_scale_group = 3});
  setup.points.push_back({.value = y, .uses = {{node, 1}}, .name = "y", .unified_scale_group = 3});
  const auto inserted = insert_quantizers(net.graph(), setup, {});
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  EXPECT_EQ((*inserted)[0].quantizer->parameters(), (*inserted)[1].quantizer->parameters());
  EXPECT_EQ(net.graph().parameters().size(), 1);
  EXPECT_TRUE(graph::validate(net.graph()).ok());
}

TEST(Insertion, AGroupOfDifferentConfigsIsRefused) {
  TestNet net;
  graph::Value* x = net.input("x");
  graph::Value* y = net.input("y");
  graph::Node* node = net.add("sum", x, y)->producer();
  QuantizerSetup setup;
  setup.points.push_back({.value = x, .uses = {{node, 0}}, .name = "x", .unified_scale_group = 0});
  setup.points.push_back(
      {.value = y, .uses = {{node, 1}}, .config = {.bits = 4}, .name = "y", .unified_scale_group = 0});
  EXPECT_EQ(insert_quantizers(net.graph(), setup, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Insertion, AWeightWithoutTheAxisIsRefused) {
  TestNet net;
  graph::Node* node = net.conv("conv1", net.input("x"), 3, 8)->producer();
  QuantizerSetup setup;
  setup.points.push_back({.value = node->argument("weight"),
                          .uses = {{node, 1}},
                          .is_weight = true,
                          .config = {.per_channel = true},
                          .channel_axis = 9,
                          .name = "w"});
  EXPECT_EQ(insert_quantizers(net.graph(), setup, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare::quantization
