#include "compression/quantization/placement.h"

#include "compression/quantization/placement_testing.h"

namespace pare::quantization {
namespace {

using c10::IValue;
using graph::Value;

// CIFAR's ResNet with parameter-free shortcuts, `blocks` of them a stage.
void build_resnet(TestNet& net, int blocks) {
  Value* x = net.relu("relu", net.batch_norm("bn1", net.conv("conv1", net.input("x"), 3, 16), 16));
  int64_t channels = 16;
  for (int stage = 1; stage <= 3; ++stage) {
    for (int block = 0; block < blocks; ++block) {
      const std::string scope = "layer" + std::to_string(stage) + "." + std::to_string(block);
      const int64_t width = int64_t{16} << (stage - 1);
      Value* y = net.batch_norm(scope + ".bn1", net.conv(scope + ".conv1", x, channels, width), width);
      y = net.conv(scope + ".conv2", net.relu(scope + ".relu1", y), width, width);
      y = net.batch_norm(scope + ".bn2", y, width);
      if (width != channels) {
        x = net.op(scope + ".shortcut", "aten::slice", "Tensor",
                   {{"self", x}, {"dim", IValue(int64_t{2})}, {"step", IValue(int64_t{2})}});
        x = net.op(scope + ".shortcut", "aten::constant_pad_nd", "",
                   {{"self", x}, {"pad", IValue(std::vector<int64_t>{0, 0, 0, 0, 8, 8})}, {"value", IValue(0.0)}});
      }
      x = net.relu(scope + ".relu2", net.add(scope, y, x));
      channels = width;
    }
  }
  net.output(net.linear("linear", net.flatten("flat", net.global_pool("pool", x)), 64, 10));
}

TEST(PlaceQuantizersTest, ResNet20) {
  TestNet net;
  build_resnet(net, 3);
  const QuantizerSetup setup = place(net);
  EXPECT_EQ(weights(setup).size(), 20u);
  const auto placed = activations(setup);
  // The input, after the first convolution; in each of nine blocks three; behind the pool.
  EXPECT_EQ(placed.size(), 30u);
  EXPECT_EQ(placed.at("x"), "conv1");
  EXPECT_EQ(placed.at("relu/aten::relu"), "layer1.0.conv1 layer1.0");
  EXPECT_EQ(placed.at("layer1.0.relu1/aten::relu"), "layer1.0.conv2");
  EXPECT_EQ(placed.at("layer1.0.bn2/aten::batch_norm"), "layer1.0");
  EXPECT_EQ(placed.at("layer1.2.relu2/aten::relu"), "layer2.0.conv1 layer2.0");
  EXPECT_EQ(placed.at("layer3.2.relu2/aten::relu"), "pool");
  EXPECT_EQ(placed.at("pool/aten::adaptive_avg_pool2d"), "linear");
}

TEST(PlaceQuantizersTest, WeightsComeFirstThenTheOrderOfExecution) {
  TestNet net;
  build_resnet(net, 1);
  const QuantizerSetup setup = place(net);
  EXPECT_EQ(setup.points.front().name, "conv1.weight");
  EXPECT_EQ(setup.points[weights(setup).size()].name, "x");
  EXPECT_EQ(setup.points.back().name, "pool/aten::adaptive_avg_pool2d");
}

TEST(PlaceQuantizersTest, IsTheSameEachTime) {
  TestNet first, second;
  build_resnet(first, 3);
  build_resnet(second, 3);
  EXPECT_EQ(describe(place(first)), describe(place(second)));
  EXPECT_EQ(describe(place(first)), describe(place(first)));
}

TEST(PlaceQuantizersTest, UsesBelongToTheirValueAndAreQuantizedOnce) {
  TestNet net;
  build_resnet(net, 3);
  std::set<std::pair<const graph::Node*, size_t>> seen;
  for (const QuantizationPoint& point : place(net).points) {
    EXPECT_FALSE(point.uses.empty()) << point.name;
    for (const graph::Use& use : point.uses) {
      EXPECT_EQ(use.user->input(use.index), point.value) << point.name;
      EXPECT_TRUE(seen.emplace(use.user, use.index).second) << point.name;
    }
  }
}

TEST(PlaceQuantizersTest, NothingToQuantizeIsAnError) {
  TestNet net;
  net.output(net.relu("relu", net.input("x")));
  const auto none = place_quantizers(net.graph(), {});
  EXPECT_EQ(none.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(place_quantizers(graph::Graph(), {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PlaceQuantizersTest, WrongOptionsAreErrors) {
  TestNet net;
  build_resnet(net, 1);
  PlacementOptions options;
  options.target_device = "CPU";
  options.activations.bits = 4;
  const auto refused = place_quantizers(net.graph(), options);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  options.target_device = "VPU";
  EXPECT_EQ(place_quantizers(net.graph(), options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PlaceQuantizersTest, ALargeGraphIsPlacedInOneGo) {
  TestNet net;
  build_resnet(net, 300);
  EXPECT_EQ(activations(place(net)).size(), 3u + 3 * 900);
}

}  // namespace
}  // namespace pare::quantization
