// Configs of the structure of NNCF's own examples, which must be read unchanged: each is parsed, its scopes are
// checked, and quantizers are placed on a small residual network.

#include <string>
#include <vector>

#include "compression/analysis/test_net.h"
#include "compression/quantization/placement.h"
#include "compression/quantization/quantization_config.h"
#include "config/compression_config.h"
#include "gmock/gmock.h"

namespace pare::quantization {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void build(TestNet& net) {
  net.classes = {{"", {"ResNet"}},
                 {"conv1", {"ResNet", "Conv2d"}},
                 {"bn1", {"ResNet", "BatchNorm2d"}},
                 {"relu", {"ResNet", "ReLU"}},
                 {"layer1.0", {"ResNet", "Sequential", "BasicBlock"}},
                 {"layer1.0.conv1", {"ResNet", "Sequential", "BasicBlock", "Conv2d"}},
                 {"layer1.0.act", {"ResNet", "Sequential", "BasicBlock", "ELU"}},
                 {"layer1.0.conv2", {"ResNet", "Sequential", "BasicBlock", "Conv2d"}},
                 {"fc", {"ResNet", "Linear"}}};
  graph::Value* x = net.batch_norm("bn1", net.conv("conv1", net.input("x"), 3, 8), 8);
  x = net.relu("relu", x);
  graph::Value* y = net.unary("layer1.0.act", "aten::elu", net.conv("layer1.0.conv1", x, 8, 8));
  y = net.conv("layer1.0.conv2", y, 8, 8);
  x = net.add("layer1.0", y, x);
  net.output(net.linear("fc", net.flatten("", net.global_pool("", x)), 8, 4));
}

struct Row {
  const char* name;
  const char* config;                        // as it stands in the file
  std::vector<const char*> present, absent;  // in the listing of the quantizers, whose blanks are made one
};

const Row kRows[] = {
    {"a training script's keys beside ours",
     R"({"model": "resnet18", "pretrained": true, "input_info": {"sample_size": [2, 3, 8, 8]}, "num_classes": 4,
         "batch_size": 32, "epochs": 1, "multiprocessing_distributed": true, "weight_decay": 1e-5, "job_dir": "out",
         "optimizer": {"type": "Adam", "base_lr": 1e-5, "schedule_type": "multistep", "steps": [1],
                       "schedule_params": {"threshold": 0.1, "cooldown": 3}},
         "compression": {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 160}}}})",
     {"conv1.weight INT8 symmetric signed per-channel", "x INT8 symmetric per-tensor"},
     {}},
    {"weights per tensor, trailing commas and comments",
     R"({
       "input_info": {"sample_size": [1, 3, 8, 8],},
       // "target_device": "CPU",
       "compression": {
         "algorithm": "quantization",
         "weights": {"mode": "symmetric", "per_channel": false,},
         "activations": {"mode": "asymmetric", "signed": true},
       },
     })",
     {"conv1.weight INT8 symmetric signed per-tensor", "x INT8 asymmetric per-tensor"},
     {}},
    {"an ELU's output is signed",
     R"({"input_info": {"sample_size": [2, 3, 8, 8]}, "compression": {"algorithm": "quantization",
         "scope_overrides": {"activations": {"{re}BasicBlock\\[[0-9]*\\]/ELU\\[act\\]": {"signed": true}}}}})",
     {"layer1.0.act/aten::elu INT8 symmetric signed per-tensor", "x INT8 symmetric per-tensor"},
     {}},
    {"operators' names of different versions",
     R"({"input_info": {"sample_size": [2, 3, 8, 8]}, "compression": {"algorithm": "quantization", "ignored_scopes": [
         "ResNet/Sequential[layer1]/BasicBlock[0]/__add___0", "ResNet/NNCFLinear[fc]/linear_0",
         "ResNet/ReLU[relu]/relu__0"]}})",
     {"conv1.weight"},
     {"fc.weight", "for layer1.0/aten::add"}},
    {"the model's input",
     R"({"input_info": {"sample_size": [2, 3, 8, 8]}, "compression": {"algorithm": "quantization",
         "activations": {"ignored_scopes": ["/nncf_model_input_0"]}}})",
     {"relu/aten::relu INT8"},
     {"x INT8"}},
    {"settings of ranges by scope, and of an override",
     R"({"input_info": [{"sample_size": [2, 3, 8, 8]}], "target_device": "TRIAL", "compression": [{
         "algorithm": "quantization", "preset": "mixed",
         "initializer": {
           "range": [
             {"type": "min_max", "num_init_samples": 1, "target_scopes": ["{re}ResNet/Sequential\\[layer1\\]/.*"],
              "ignored_scopes": [], "target_quantizer_group": "weights"},
             {"type": "mean_min_max", "num_init_samples": 2, "ignored_scopes": ["{re}/nncf_model_input_0"],
              "target_quantizer_group": "activations"},
             {"type": "threesigma", "num_init_samples": 1, "target_quantizer_group": "activations",
              "target_scopes": ["{re}/nncf_model_input_0"]}],
           "batchnorm_adaptation": {"num_bn_adaptation_samples": 10, "num_bn_forget_samples": 5}},
         "scope_overrides": {
           "weights": {"ResNet/NNCFConv2d[conv1]/conv2d_0": {"bits": 7, "mode": "asymmetric",
                       "initializer": {"range": {"type": "mean_percentile", "num_init_samples": 3,
                                                 "params": {"min_percentile": 1, "max_percentile": 99}}}}},
           "activations": {"/nncf_model_input_0": {"bits": 7, "mode": "asymmetric"}}}}]})",
     {"conv1.weight INT7 asymmetric", "x INT7 asymmetric"},
     {}},
    {"the staged schedule and an accuracy budget",
     R"({"input_info": {"sample_size": [2, 3, 8, 8]}, "log_dir": "logs",
         "accuracy_aware_training": {"mode": "early_exit", "params": {"maximal_relative_accuracy_degradation": 1}},
         "compression": {"algorithm": "quantization", "params": {"batch_multiplier": 4, "base_lr": 1e-4, "base_wd": 0,
           "activations_quant_start_epoch": 0, "weights_quant_start_epoch": 1, "lr_poly_drop_start_epoch": 20,
           "lr_poly_drop_duration_epochs": 10, "disable_wd_start_epoch": 20},
           "compression_lr_multiplier": 10, "initializer": {"range": {"num_init_samples": 0}}}})",
     {"conv1.weight INT8"},
     {}},
    {"scopes of both kinds, unvalidated in one",
     R"({"input_info": {"sample_size": [2, 3, 8, 8]}, "compression": {"algorithm": "quantization",
         "weights": {"target_scopes": ["{re}conv.*"], "ignored_scopes": ["{re}downsample"], "validate_scopes": false},
         "quantize_outputs": true, "overflow_fix": "first_layer_only", "export_to_onnx_standard_ops": true,
         "activations": {"signed": false}}})",
     {"conv1.weight INT8", "half-range", "for the model's output"},
     {"fc.weight"}},
};

std::string with_single_blanks(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c != ' ' || (!result.empty() && result.back() != ' ')) result += c;
  }
  return result;
}

TEST(NncfConfigs, AreReadUnchanged) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    const auto root = CompressionConfig::parse_text(row.config, "c.json");
    ASSERT_TRUE(root.ok()) << root.status();
    ASSERT_EQ(root->algorithms.size(), 1u);
    const auto config = QuantizationConfig::parse(root->algorithms[0]);
    ASSERT_TRUE(config.ok()) << config.status();
    TestNet net;
    build(net);
    ASSERT_TRUE(config->check_scopes(net.graph()).ok()) << config->check_scopes(net.graph());
    const auto setup = place_quantizers(net.graph(), config->placement);
    ASSERT_TRUE(setup.ok()) << setup.status();
    const std::string listing = with_single_blanks(describe(*setup));
    for (const char* text : row.present) EXPECT_THAT(listing, HasSubstr(text));
    for (const char* text : row.absent) EXPECT_THAT(listing, Not(HasSubstr(text)));
    for (const QuantizationPoint& point : setup->points) {
      const auto settings = config->ranges.settings_for(point);
      EXPECT_TRUE(settings.ok()) << settings.status();
      if (point.name == "conv1.weight" && row.name == std::string("settings of ranges by scope, and of an override")) {
        EXPECT_EQ(settings->type, RangeType::kMeanPercentile);
      }
    }
  }
}

}  // namespace
}  // namespace pare::quantization
