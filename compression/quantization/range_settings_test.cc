#include "compression/quantization/range_settings.h"

#include <string>

#include "compression/quantization/placement_testing.h"
#include "config/object_reader.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {
namespace {

absl::StatusOr<RangeRules> read(const std::string& json) {
  const nlohmann::json parsed = nlohmann::json::parse(json);
  config::ObjectReader reader(parsed, "$.initializer");
  RangeRules rules = RangeRules::read(reader);
  const absl::Status status = reader.finish();
  if (!status.ok()) return status;
  return rules;
}

struct Net {
  Net() {
    graph::Value* x = net.input("x");
    graph::Value* y = net.relu("relu1", net.conv("conv1", x, 3, 8));
    net.output(net.conv("conv2", y, 8, 4));
    setup = place(net);
  }
  const QuantizationPoint& point(const std::string& name) const { return *find_point(setup, name); }
  TestNet net;
  QuantizerSetup setup;
};

TEST(RangeSettings, Defaults) {
  const auto rules = read("{}");
  ASSERT_TRUE(rules.ok());
  const RangeSettings settings = *rules->settings_for(Net().point("conv1.weight"));
  EXPECT_EQ(settings.type, RangeType::kMixedMinMax);
  EXPECT_EQ(settings.num_init_samples, 256);
  EXPECT_EQ(settings.min_percentile, 0.1);
  EXPECT_EQ(settings.max_percentile, 99.9);
}

TEST(RangeSettings, OneForAll) {
  const auto rules = read(R"({"range": {"type": "percentile", "num_init_samples": 7,
                                        "params": {"min_percentile": 1, "max_percentile": 98}}})");
  ASSERT_TRUE(rules.ok()) << rules.status();
  const RangeSettings settings = *rules->settings_for(Net().point("conv2.weight"));
  EXPECT_EQ(settings.type, RangeType::kPercentile);
  EXPECT_EQ(settings.num_init_samples, 7);
  EXPECT_EQ(settings.min_percentile, 1);
  EXPECT_EQ(settings.max_percentile, 98);
}

TEST(RangeSettings, ByScopeAndGroup) {
  const Net net;
  const auto rules = read(R"({"range": [
      {"type": "min_max", "target_quantizer_group": "weights", "target_scopes": ["conv1"]},
      {"type": "mse", "target_quantizer_group": "weights", "ignored_scopes": ["conv1"]},
      {"type": "mean_min_max", "target_quantizer_group": "activations"}]})");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ(rules->settings_for(net.point("conv1.weight"))->type, RangeType::kMinMax);
  EXPECT_EQ(rules->settings_for(net.point("conv2.weight"))->type, RangeType::kMse);
  EXPECT_EQ(rules->settings_for(net.point("x"))->type, RangeType::kMeanMinMax);
}

TEST(RangeSettings, TwoRulesForOneAreRefused) {
  const auto rules = read(R"({"range": [{"type": "min_max"}, {"type": "mse"}]})");
  ASSERT_TRUE(rules.ok());
  const absl::Status status = rules->settings_for(Net().point("x")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("$.initializer.range[1]"), std::string::npos) << status;
}

TEST(RangeSettings, MistakesNameTheirPlace) {
  for (const char* json : {R"({"range": {"type": "minmax"}})", R"({"range": {"num_init_samples": -1}})",
                           R"({"range": {"params": {"min_percentile": 60, "max_percentile": 40}}})",
                           R"({"range": {"params": {"max_percentile": 101}}})", R"({"range": {"typ": "min_max"}})",
                           R"({"range": {"target_scopes": ["{re}("]}})", R"({"range": 3})"}) {
    const absl::Status status = read(json).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_NE(status.message().find("$.initializer.range"), std::string::npos) << status;
  }
}

TEST(RangeSettings, ScopesAreChecked) {
  Net net;
  const auto rules = read(R"({"range": {"target_scopes": ["conv9"]}})");
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(rules->check_all_match(net.net.graph()).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(read(R"({"range": {"target_scopes": ["conv9"], "validate_scopes": false}})")
                  ->check_all_match(net.net.graph())
                  .ok());
  // What settings_for() matches passes: operators, parameters and inputs.
  for (const char* scope : {"conv1", "conv1.weight", "x", "/nncf_model_input_0"}) {
    const nlohmann::json json = {{"range", {{"type", "mse"}, {"target_scopes", {scope}}}}};
    const auto found = read(json.dump());
    EXPECT_TRUE(found->check_all_match(net.net.graph()).ok()) << scope;
    const bool is_input = scope[0] != 'c';
    EXPECT_EQ(found->settings_for(net.point(is_input ? "x" : "conv1.weight"))->type, RangeType::kMse) << scope;
  }
}

TEST(RangeSettings, OverridesGoFirstAndTheLastWins) {
  const Net net;
  auto rules = read(R"({"range": [{"type": "min_max", "num_init_samples": 9}]})");
  ASSERT_TRUE(rules.ok());
  const auto add = [&](const char* json, bool weights, const char* scope) {
    const nlohmann::json parsed = nlohmann::json::parse(json);
    config::ObjectReader reader(parsed, "$.initializer");
    rules->read_override(reader, weights, ScopeSet::create({scope}, "$").value());
    return reader.finish();
  };
  ASSERT_TRUE(add(R"({"range": {"type": "percentile"}})", true, "{re}conv").ok());
  ASSERT_TRUE(add(R"({"range": {"type": "mse"}})", true, "conv2").ok());
  ASSERT_TRUE(add(R"({"range": {"num_init_samples": 3}})", false, "/nncf_model_input_0").ok());
  ASSERT_TRUE(add("{}", false, "relu1").ok());
  EXPECT_EQ(rules->settings_for(net.point("conv1.weight"))->type, RangeType::kPercentile);
  EXPECT_EQ(rules->settings_for(net.point("conv2.weight"))->type, RangeType::kMse);
  EXPECT_EQ(rules->settings_for(net.point("x"))->num_init_samples, 3);
  EXPECT_EQ(rules->settings_for(net.point("relu1/aten::relu"))->num_init_samples, 9);
  const absl::Status status = add(R"({"range": {"target_scopes": ["conv1"]}})", true, "conv1");
  EXPECT_NE(status.message().find("$.initializer.range.target_scopes"), std::string::npos) << status;
}

}  // namespace
}  // namespace pare::quantization
