#include "compression/quantization/quantization_config.h"

#include <string>

#include "compression/quantization/test_net.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {
namespace {

absl::StatusOr<QuantizationConfig> parse(const std::string& keys) {
  AlgorithmConfig algorithm;
  algorithm.name = "quantization";
  algorithm.path = "$.compression";
  algorithm.object = nlohmann::json::parse(R"({"algorithm": "quantization")" + (keys.empty() ? "" : ", " + keys) + "}");
  return QuantizationConfig::parse(algorithm);
}

TEST(QuantizationConfig, Defaults) {
  const auto config = parse("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->placement.preset, "performance");
  EXPECT_TRUE(config->placement.quantize_inputs);
  EXPECT_FALSE(config->placement.quantize_outputs);
  EXPECT_EQ(config->num_bn_adaptation_samples, 2000);
  EXPECT_EQ(config->gradient, ops::GradientRule::kExact);
  EXPECT_FALSE(config->staged.has_value());
  EXPECT_FALSE(config->placement.weights.bits.has_value());
}

TEST(QuantizationConfig, EveryKey) {
  const auto config = parse(R"(
      "preset": "mixed", "quantize_inputs": false, "quantize_outputs": true, "overflow_fix": "first_layer_only",
      "export_to_onnx_standard_ops": true, "gradient": "nncf",
      "weights": {"mode": "symmetric", "bits": 4, "signed": true, "per_channel": true, "logarithm_scale": true,
                  "ignored_scopes": ["conv1"], "target_scopes": "conv2"},
      "activations": {"mode": "asymmetric", "bits": 6, "per_channel": false, "unified_scale_ops": [["a", "b"]]},
      "scope_overrides": {"weights": {"conv2": {"bits": 2}}, "activations": {"{re}conv.*": {"mode": "symmetric"}}},
      "initializer": {"range": {"type": "mean_min_max"},
                      "batchnorm_adaptation": {"num_bn_adaptation_samples": 17, "num_bn_forget_samples": 5}},
      "params": {"weights_quant_start_epoch": 2})");
  ASSERT_TRUE(config.ok()) << config.status();
  const PlacementOptions& placement = config->placement;
  EXPECT_EQ(placement.preset, "mixed");
  EXPECT_FALSE(placement.quantize_inputs);
  EXPECT_TRUE(placement.quantize_outputs);
  EXPECT_EQ(placement.overflow_fix, "first_layer_only");
  EXPECT_EQ(placement.weights.bits, 4);
  EXPECT_EQ(placement.weights.is_signed, true);
  EXPECT_EQ(placement.weights.per_channel, true);
  EXPECT_EQ(placement.weights.logarithm_scale, true);
  EXPECT_FALSE(placement.target_weights.empty());
  EXPECT_FALSE(placement.ignored_weights.empty());
  EXPECT_EQ(placement.activations.mode, QuantizationMode::kAsymmetric);
  EXPECT_EQ(placement.activations.bits, 6);
  ASSERT_EQ(placement.unified_scale_groups.size(), 1);
  EXPECT_EQ(placement.unified_scale_groups[0].size(), 2);
  ASSERT_EQ(placement.weight_overrides.size(), 1);
  EXPECT_EQ(placement.weight_overrides[0].second.bits, 2);
  EXPECT_EQ(placement.activation_overrides.size(), 1);
  EXPECT_EQ(config->num_bn_adaptation_samples, 17);
  EXPECT_EQ(config->gradient, ops::GradientRule::kNncf);
  EXPECT_EQ(config->staged->weights_quant_start_epoch, 2);
}

TEST(QuantizationConfig, MistakesNameTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("weights": {"bits": 9})", "$.compression.weights.bits"},
      {R"("weights": {"bits": 1})", "$.compression.weights.bits"},
      {R"("activations": {"bits": "8"})", "$.compression.activations.bits"},
      {R"("weights": {"mode": "affine"})", "$.compression.weights.mode"},
      {R"("activations": {"mode": "asymmetric", "signed": true})", "$.compression.activations.signed"},
      {R"("preset": "fast")", "$.compression.preset"},
      {R"("wieghts": {})", "weights"},
      {R"("weights": {"ignored_scopes": ["{re}["]})", "$.compression.weights.ignored_scopes"},
      {R"("activations": {"unified_scale_ops": ["a", "b"]})", "unified_scale_ops"},
      {R"("scope_overrides": {"weights": {"fc": {"bit": 4}}})", "bits"},
      {R"("scope_overrides": {"weights": {"fc": 4}})", "$.compression.scope_overrides.weights.fc"},
      {R"("initializer": {"batchnorm_adaptation": {"num_bn_adaptation_samples": -1}})", "num_bn_adaptation_samples"},
      {R"("initializer": {"ranges": {}})", "range"},
      {R"("params": {"weights_start_epoch": 3})", "$.compression.params"},
      {R"("gradient": "sharp")", "$.compression.gradient"},
  };
  for (const auto& [json, expected] : cases) {
    const absl::Status status = parse(json).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_NE(status.message().find(expected), std::string::npos) << json << " gives " << status;
  }
}

TEST(QuantizationConfig, MixedPrecisionIsRefused) {
  const absl::Status status = parse(R"("initializer": {"precision": {"type": "hawq"}})").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("$.compression.initializer.precision"), std::string::npos) << status;
}

TEST(QuantizationConfig, ScopesMustMatchUnlessTold) {
  TestNet net;
  net.output(net.conv("conv1", net.input("x"), 3, 8));
  auto config = parse(R"("weights": {"ignored_scopes": ["conv7"]})");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->check_scopes(net.graph()).code(), absl::StatusCode::kInvalidArgument);
  config->validate_scopes = false;
  EXPECT_TRUE(config->check_scopes(net.graph()).ok());
  EXPECT_TRUE(parse(R"("weights": {"ignored_scopes": ["conv1"]})")->check_scopes(net.graph()).ok());
  EXPECT_FALSE(parse(R"("scope_overrides": {"activations": {"fc": {}}})")->check_scopes(net.graph()).ok());
}

}  // namespace
}  // namespace pare::quantization
