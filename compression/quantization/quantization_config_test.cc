#include "compression/quantization/quantization_config.h"

#include <string>

#include "compression/analysis/test_net.h"
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
      {R"("activations": {"mode": "asymmetric", "signed": 1})", "$.compression.activations.signed"},
      {R"("scope_overrides": {"weights": {"fc": {"initializer": {"range": {"type": "x"}}}}})",
       "$.compression.scope_overrides.weights.fc.initializer.range.type"},
      {R"("scope_overrides": {"weights": {"fc": {"initializer": {"batchnorm_adaptation": {}}}}})",
       "$.compression.scope_overrides.weights.fc.initializer"},
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

TEST(QuantizationConfig, MixedPrecisionIsRead) {
  const auto config = parse(R"("initializer": {"precision": {"type": "hawq", "bits": [4, 8], "iter_number": 7}})");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->precision.has_value());
  EXPECT_EQ(config->precision->bits, (std::vector<int>{4, 8}));
  EXPECT_EQ(config->precision->traces.max_iterations, 7);
  EXPECT_EQ(config->precision->compression_ratio, 1.5);
  const absl::Status status = parse(R"("initializer": {"precision": {"type": "hawk"}})").status();
  EXPECT_NE(status.message().find("$.compression.initializer.precision.type"), std::string::npos) << status;
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
  for (const char* kind : {"weights", "activations"}) {
    const std::string section =
        std::string("\"") + kind + "\": {\"validate_scopes\": false, \"ignored_scopes\": [\"fc\"]}";
    EXPECT_TRUE(parse(section)->check_scopes(net.graph()).ok()) << section;
  }
  EXPECT_TRUE(parse(R"("activations": {"ignored_scopes": ["/nncf_model_input_0"]})")->check_scopes(net.graph()).ok());
}

TEST(QuantizationConfig, ScopesOfTheRootAreNamedThere) {
  TestNet net;
  net.output(net.conv("conv1", net.input("x"), 3, 8));
  const auto error = [&](const std::string& text) {
    const auto root = CompressionConfig::parse(nlohmann::json::parse(text));
    EXPECT_TRUE(root.ok()) << root.status();
    const auto config = QuantizationConfig::parse(root->algorithms[0]);
    const absl::Status status = config.ok() ? config->check_scopes(net.graph()) : config.status();
    return std::string(status.message());
  };
  const auto begins = [](const std::string& text, const char* start) { return text.rfind(start, 0) == 0; };
  const std::string at_root = error(R"({"ignored_scopes": ["fc"], "compression": {"algorithm": "quantization"}})");
  EXPECT_TRUE(begins(at_root, "$.ignored_scopes: ")) << at_root;
  const std::string target = error(R"({"target_scopes": ["{re}("], "compression": {"algorithm": "quantization"}})");
  EXPECT_TRUE(begins(target, "$.target_scopes: ")) << target;
  const std::string own = error(R"({"ignored_scopes": ["conv1"], "target_scopes": ["conv1"],
      "compression": {"algorithm": "quantization", "ignored_scopes": ["fc"]}})");
  EXPECT_TRUE(begins(own, "$.compression.ignored_scopes: ")) << own;
}

TEST(QuantizationConfig, SaysWhatHasNoEffect) {
  EXPECT_TRUE(parse(R"("params": {"weights_quant_start_epoch": 2, "batch_multiplier": 1})")->notes.empty());
  const auto config = parse(R"("params": {"base_lr": 0.1, "base_wd": 0.1, "batch_multiplier": 4})");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->notes.size(), 3u);
  EXPECT_NE(config->notes[0].find("$.compression.params.base_lr"), std::string::npos);
  EXPECT_NE(config->notes[2].find("$.compression.params.batch_multiplier"), std::string::npos);
}

}  // namespace
}  // namespace pare::quantization
