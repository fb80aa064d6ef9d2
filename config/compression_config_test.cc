#include "config/compression_config.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CompressionConfig parse(const std::string& text) {
  absl::StatusOr<CompressionConfig> config = CompressionConfig::parse_text(text, "c.json");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *config : CompressionConfig();
}

std::string error_of(const std::string& text) {
  const absl::StatusOr<CompressionConfig> config = CompressionConfig::parse_text(text, "c.json");
  EXPECT_FALSE(config.ok()) << text;
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

// The keys are those that configs of image classification scripts carry; the values are made up.
constexpr char kConfigOfATrainingScript[] = R"({
  "model": "resnet20", "pretrained": true, "weights": "w.pth", "dataset": "cifar10", "dataset_dir": "d",
  "num_classes": 10, "batch_size": 64, "batch_size_val": 100, "epochs": 3, "workers": 2, "print_freq": 10,
  "optimizer": {"type": "Adam", "base_lr": 1e-4, "schedule_type": "multistep", "steps": [1, 2]},
  "multiprocessing_distributed": false, "checkpoint_save_dir": "x", "save_dir": "x", "no_strip_on_export": true,
  "mode": "train", "seed": 1, "data_dir": "d", "lr": 0.1, "log_interval": 5, "device": "cpu", "type": "x",
  "hw_config_type": "cpu", "to_onnx": "x.onnx", "output_dir": "o", "resume": "c", "manual_seed": 3,
  "input_info": {"sample_size": [1, 3, 32, 32]},
  "target_device": "VPU",
  "compression": {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 256}}}
})";

TEST(CompressionConfig, ReadsAConfigThatCarriesATrainingScriptsKeys) {
  const CompressionConfig config = parse(kConfigOfATrainingScript);
  ASSERT_EQ(config.input_info.size(), 1);
  EXPECT_THAT(config.input_info[0].sample_size, ElementsAre(1, 3, 32, 32));
  EXPECT_EQ(config.input_info[0].type, "float");
  EXPECT_EQ(config.input_info[0].filler, "random");
  EXPECT_EQ(config.target_device, "NPU");
  ASSERT_EQ(config.algorithms.size(), 1);
  EXPECT_EQ(config.algorithms[0].name, "quantization");
  EXPECT_EQ(config.algorithms[0].path, "$.compression");
  EXPECT_EQ(config.algorithms[0].target_device, "NPU");
  EXPECT_EQ(config.algorithms[0].object["initializer"]["range"]["num_init_samples"], 256);
  EXPECT_EQ(config.source["model"], "resnet20");
}

TEST(CompressionConfig, AnEmptyOneIsAtItsDefaults) {
  const CompressionConfig config = parse("{}");
  EXPECT_THAT(config.input_info, IsEmpty());
  EXPECT_THAT(config.algorithms, IsEmpty());
  EXPECT_EQ(config.target_device, "ANY");
  EXPECT_EQ(config.backend, "auto");
  EXPECT_EQ(config.log_dir, "");
  EXPECT_FALSE(config.accuracy_aware_training.has_value());
}

TEST(CompressionConfig, AlgorithmsInheritFromTheRoot) {
  const CompressionConfig config = parse(R"({
    "ignored_scopes": "a", "target_scopes": ["t"], "validate_scopes": false, "compression_lr_multiplier": 2,
    "log_dir": "logs", "backend": "vulkan:1", "accuracy_aware_training": {"mode": "early_exit"},
    "compression": [
      {"algorithm": "x"},
      {"algorithm": "y", "ignored_scopes": ["b"], "target_scopes": "u", "validate_scopes": true,
       "compression_lr_multiplier": 0.5}
    ]})");
  ASSERT_EQ(config.algorithms.size(), 2);
  const AlgorithmConfig& x = config.algorithms[0];
  EXPECT_EQ(x.path, "$.compression[0]");
  EXPECT_THAT(x.ignored_scopes, ElementsAre("a"));
  EXPECT_THAT(x.target_scopes, ElementsAre("t"));
  EXPECT_EQ(x.num_root_ignored_scopes, 1u);
  EXPECT_TRUE(x.has_root_target_scopes);
  EXPECT_FALSE(x.validate_scopes);
  EXPECT_EQ(x.compression_lr_multiplier, 2);
  const AlgorithmConfig& y = config.algorithms[1];
  EXPECT_THAT(y.ignored_scopes, ElementsAre("a", "b"));
  EXPECT_THAT(y.target_scopes, ElementsAre("u"));
  EXPECT_EQ(y.num_root_ignored_scopes, 1u);
  EXPECT_FALSE(y.has_root_target_scopes);
  EXPECT_TRUE(y.validate_scopes);
  EXPECT_EQ(y.compression_lr_multiplier, 0.5);
  EXPECT_EQ(config.log_dir, "logs");
  EXPECT_EQ(config.backend, "vulkan:1");
  ASSERT_TRUE(config.accuracy_aware_training.has_value());
  EXPECT_EQ(config.accuracy_aware_training->mode, AccuracyAwareMode::kEarlyExit);
}

TEST(CompressionConfig, SeveralInputs) {
  const CompressionConfig config = parse(R"({"input_info": [
      {"sample_size": [1, 128], "type": "long", "filler": "ones", "keyword": "input_ids"}, {"sample_size": [1, 4]}]})");
  ASSERT_EQ(config.input_info.size(), 2);
  EXPECT_EQ(config.input_info[0].type, "long");
  EXPECT_EQ(config.input_info[0].filler, "ones");
  EXPECT_EQ(config.input_info[0].keyword, "input_ids");
}

TEST(CompressionConfig, EveryMistakeSaysWhereAndWhatWasMeant) {
  EXPECT_EQ(error_of("[]"), "c.json: $: expected an object, found a list");
  EXPECT_EQ(error_of(R"({"compresion": {}})"), "c.json: $: unknown key \"compresion\"; did you mean \"compression\"?");
  EXPECT_EQ(error_of(R"({"inputInfo": {}})"), "c.json: $: unknown key \"inputInfo\"; did you mean \"input_info\"?");
  EXPECT_EQ(error_of(R"({"target_device": "cpu"})"),
            "c.json: $.target_device: expected one of ANY, CPU, GPU, NPU, TRIAL, VPU, found \"cpu\"; did you mean "
            "\"CPU\"?");
  EXPECT_EQ(error_of(R"({"compression": "quantization"})"),
            "c.json: $.compression: expected an object or a list of objects, found \"quantization\"");
  EXPECT_EQ(error_of(R"({"compression": [{"algorithm": "x"}, {"algorithm": 3}]})"),
            "c.json: $.compression[1].algorithm: expected a string, found 3");
  EXPECT_THAT(
      error_of(R"({"compression": {"algoritm": "x"}})"),
      HasSubstr("$.compression: expected the name of a method under \"algorithm\", such as \"quantization\"; is "
                "\"algoritm\" meant to be it?"));
  EXPECT_EQ(error_of(R"({"compression": {"algorithm": "x", "ignored_scopes": [1]}})"),
            "c.json: $.compression.ignored_scopes[0]: expected a string, found 1");
  EXPECT_EQ(error_of(R"({"ignored_scopes": {"a": 1}})"),
            "c.json: $.ignored_scopes: expected a string or a list of strings, found an object");
  EXPECT_EQ(error_of(R"({"compression_lr_multiplier": -1})"),
            "c.json: $.compression_lr_multiplier: expected a number of at least 0, found -1");
  EXPECT_EQ(error_of(R"({"accuracy_aware_training": "early_exit"})"),
            "c.json: $.accuracy_aware_training: expected an object, found \"early_exit\"");
  EXPECT_EQ(error_of(R"({"input_info": {"sample_size": [1, 0]}})"),
            "c.json: $.input_info.sample_size[1]: expected an integer from 1 to 2.14748e+09, found 0");
  EXPECT_THAT(error_of(R"({"input_info": {}})"), HasSubstr("$.input_info.sample_size: expected the shape"));
  EXPECT_EQ(error_of(R"({"input_info": {"sample_sise": [1]}})"),
            "c.json: $.input_info: unknown key \"sample_sise\"; did you mean \"sample_size\"?");
  EXPECT_THAT(error_of(R"({"input_info": {"sample_size": [1], "type": "int"}})"), HasSubstr("one of float, long"));
  EXPECT_THAT(error_of("{\n \"a\" 1}"), HasSubstr("c.json:2:6: syntax error"));
}

TEST(CompressionConfig, FromAFile) {
  const std::string path = ::testing::TempDir() + "/config.json";
  std::ofstream(path) << "// comment\n" << kConfigOfATrainingScript;
  const absl::StatusOr<CompressionConfig> config = CompressionConfig::load(path);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->algorithms.size(), 1);
  EXPECT_EQ(CompressionConfig::load(path + ".none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(CompressionConfig::load(::testing::TempDir()).ok());
  std::ofstream(path).close();
  EXPECT_THAT(std::string(CompressionConfig::load(path).status().message()), HasSubstr("found nothing"));
  std::filesystem::resize_file(path, (64 << 20) + 1);
  EXPECT_THAT(std::string(CompressionConfig::load(path).status().message()), HasSubstr("cannot be meant"));
}

TEST(CompressionConfig, AnAlgorithmsReaderAcceptsTheCommonKeys) {
  const CompressionConfig config = parse(R"({"compression": {"algorithm": "x", "ignored_scopes": "a",
      "target_scopes": "b", "validate_scopes": true, "compression_lr_multiplier": 1, "own": 1}})");
  config::ObjectReader reader(config.algorithms[0].object, config.algorithms[0].path);
  accept_common_keys(reader);
  EXPECT_EQ(reader.integer("own", 0), 1);
  EXPECT_TRUE(reader.finish().ok()) << reader.finish();
}

}  // namespace
}  // namespace pare
