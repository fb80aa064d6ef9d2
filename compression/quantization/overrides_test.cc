#include "compression/quantization/overrides.h"

#include <string>

#include "compression/quantization/placement_testing.h"
#include "gmock/gmock.h"

namespace pare::quantization {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ScopeSet scope(const std::string& name, const std::string& path = "$.scope_overrides") {
  return ScopeSet::create({name}, path).value();
}

// x -> conv1 -> elu -> conv2, and cat of elu's output and another input in front of conv3.
void build(TestNet& net) {
  graph::Value* x = net.input("x");
  graph::Value* y = net.unary("elu", "aten::elu", net.conv("conv1", x, 3, 8));
  graph::Value* z = net.conv("conv2", y, 8, 8);
  net.output(net.conv("conv3", net.cat("cat", {z, net.input("other")}), 16, 4));
}

std::string warnings_of(TestNet& net, const PlacementOptions& options) {
  ::testing::internal::CaptureStderr();
  place(net, options);
  return ::testing::internal::GetCapturedStderr();
}

TEST(Overrides, NameOutputsWhereNoInputIsMeant) {
  TestNet net;
  build(net);
  PlacementOptions options;
  options.activation_overrides = {{scope("elu"), {.is_signed = true}}, {scope("/nncf_model_input_0"), {.bits = 5}}};
  const QuantizerSetup setup = place(net, options);
  EXPECT_EQ(find_point(setup, "elu/aten::elu")->config.is_signed, true);
  EXPECT_EQ(find_point(setup, "x")->config.bits, 5);
  EXPECT_EQ(find_point(setup, "other")->config.bits, 8);
  // conv1 has inputs that are quantized, so that it is these, and not its output, that are meant.
  options.activation_overrides = {{scope("conv1"), {.bits = 4}}};
  const QuantizerSetup inputs = place(net, options);
  EXPECT_EQ(find_point(inputs, "x")->config.bits, 4);
  EXPECT_EQ(find_point(inputs, "elu/aten::elu")->config.bits, 8);
}

TEST(Overrides, GoToAllThatShareTheScale) {
  TestNet net;
  build(net);
  PlacementOptions options;
  options.activation_overrides = {{scope("/nncf_model_input_1"), {.bits = 6}}};
  const QuantizerSetup setup = place(net, options);
  EXPECT_EQ(find_point(setup, "other")->config.bits, 6);
  EXPECT_EQ(find_point(setup, "conv2/aten::conv2d")->config.bits, 6);
  EXPECT_EQ(find_point(setup, "x")->config.bits, 8);
}

TEST(Overrides, WhatTheDeviceCannotDoIsRefusedWithItsPlace) {
  TestNet net;
  build(net);
  PlacementOptions options;
  options.target_device = "CPU";
  options.activation_overrides = {{scope("/nncf_model_input_0"), {.bits = 4, .paths = {{"bits", "$.here.bits"}}}}};
  const absl::Status output = place_quantizers(net.graph(), options).status();
  EXPECT_EQ(output.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(output.message().find("$.here.bits: "), 0u) << output;
  options.activation_overrides = {{scope("conv1"), {.bits = 4, .paths = {{"bits", "$.there.bits"}}}}};
  const absl::Status input = place_quantizers(net.graph(), options).status();
  EXPECT_EQ(input.message().find("$.there.bits: "), 0u) << input;
}

TEST(Overrides, ThoseWithoutEffectAreLogged) {
  TestNet net;
  build(net);
  PlacementOptions options;
  options.weight_overrides = {{scope("elu", "$.weights.elu"), {.bits = 4}}, {scope("conv1", "$.weights.conv1"), {}}};
  options.activation_overrides = {{scope("cat", "$.activations.cat"), {}}, {scope("elu", "$.activations.elu"), {}}};
  EXPECT_THAT(warnings_of(net, options),
              AllOf(HasSubstr("$.weights.elu: the override has no effect"), Not(HasSubstr("$.weights.conv1")),
                    HasSubstr("$.activations.cat: the override has no effect"), Not(HasSubstr("$.activations.elu"))));
}

TEST(Overrides, ASignForAsymmetricOnesIsLogged) {
  TestNet net;
  build(net);
  PlacementOptions options;
  options.activations.is_signed = true;
  options.activations.paths["signed"] = "$.activations.signed";
  EXPECT_THAT(warnings_of(net, options), Not(HasSubstr("asymmetric")));
  options.preset = "mixed";
  EXPECT_THAT(warnings_of(net, options), HasSubstr("$.activations.signed: signed has no effect on asymmetric"));
}

}  // namespace
}  // namespace pare::quantization
