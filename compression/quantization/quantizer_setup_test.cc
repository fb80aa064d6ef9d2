#include "compression/quantization/quantizer_setup.h"

#include "compression/quantization/placement_testing.h"

namespace pare::quantization {
namespace {

TEST(DescribeTest, ListsEachQuantizerOnALine) {
  TestNet net;
  net.output(net.conv("conv1", net.input("x"), 3, 8));
  EXPECT_EQ(describe(place(net)),
            "weights: 1 quantizer\n"
            "  conv1.weight  INT8 symmetric signed per-channel narrow-range (axis 0)  for conv1/aten::conv2d\n"
            "activations: 1 quantizer\n"
            "  x             INT8 symmetric per-tensor                                for conv1/aten::conv2d\n");
}

TEST(DescribeTest, NamesSharedRangesTheOutputAndOnlyAFewServed) {
  TestNet net;
  graph::Value* x = net.input("x");
  QuantizerSetup setup;
  setup.points.push_back({.value = x, .name = "x", .unified_scale_group = 3});
  QuantizationPoint busy{.value = x, .name = "y"};
  for (int i = 0; i < 6; ++i) busy.served.push_back(net.relu("r", x)->producer());
  setup.points.push_back(busy);
  EXPECT_EQ(describe(setup),
            "weights: 0 quantizers\n"
            "activations: 2 quantizers\n"
            "  x  INT8 symmetric per-tensor (shared range 3)  for the model's output\n"
            "  y  INT8 symmetric per-tensor                   for r/aten::relu, r/aten::relu_1, r/aten::relu_2, "
            "r/aten::relu_3, and 2 more\n");
}

}  // namespace
}  // namespace pare::quantization
