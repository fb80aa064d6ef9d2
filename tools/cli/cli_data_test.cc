#include "tools/cli/cli_data.h"

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/cli/default_config.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"

namespace pare::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CliData : public ::testing::Test {
  absl::FlagSaver restores_flags_;
};

TEST_F(CliData, TheSourceIsWhatTheFlagsSay) {
  absl::SetFlag(&FLAGS_dataset, "cifar10");
  absl::SetFlag(&FLAGS_data_dir, "images");
  absl::SetFlag(&FLAGS_mean, {"0.5", "0.25", "1"});
  absl::SetFlag(&FLAGS_std, {"1", "2", "3"});
  absl::SetFlag(&FLAGS_seed, 5);
  const absl::StatusOr<DataSource> source = data_source_from_flags();
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->name, "cifar10");
  EXPECT_EQ(source->dir, "images");
  EXPECT_EQ(source->seed, 5);
  EXPECT_THAT(source->mean, ElementsAre(0.5, 0.25, 1.0));
  EXPECT_THAT(source->stddev, ElementsAre(1.0, 2.0, 3.0));
}

TEST_F(CliData, WhatIsMissingOrNoNumberIsNamed) {
  EXPECT_THAT(std::string(data_source_from_flags().status().message()), HasSubstr("--dataset is missing"));
  absl::SetFlag(&FLAGS_dataset, "cifar10");
  absl::SetFlag(&FLAGS_mean, {"0.5"});
  EXPECT_THAT(std::string(data_source_from_flags().status().message()), HasSubstr("--mean and --std go together"));
  absl::SetFlag(&FLAGS_std, {"nan"});
  EXPECT_THAT(std::string(data_source_from_flags().status().message()), HasSubstr("--std: 'nan' is no number"));
  EXPECT_TRUE(is_usage_error(data_source_from_flags().status()));
  absl::SetFlag(&FLAGS_std, {"1"});
  absl::SetFlag(&FLAGS_image_size, -1);
  EXPECT_THAT(std::string(data_source_from_flags().status().message()), HasSubstr("--image_size=-1"));
}

TEST_F(CliData, InputShapesArePositive) {
  EXPECT_TRUE(input_shape_from_flags()->empty());
  absl::SetFlag(&FLAGS_input_shape, {"1", "3", "32", "32"});
  EXPECT_THAT(*input_shape_from_flags(), ElementsAre(1, 3, 32, 32));
  for (const char* bad : {"0", "-1", "x", "", "1.5", "99999999999"}) {
    absl::SetFlag(&FLAGS_input_shape, {"1", bad});
    EXPECT_EQ(input_shape_from_flags().status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  absl::SetFlag(&FLAGS_input_shape, {"1000000", "1000000", "1000000", "1000000"});
  EXPECT_THAT(std::string(input_shape_from_flags().status().message()), HasSubstr("more than 2147483648 values"));
}

TEST_F(CliData, TheDeviceIsTheCpuUnlessTheFlagSaysOtherwise) {
  EXPECT_EQ(*device_from_flag(), c10::Device(c10::kCPU));
  absl::SetFlag(&FLAGS_device, "gpu");
  EXPECT_TRUE(is_usage_error(device_from_flag().status()));
  EXPECT_THAT(std::string(device_from_flag().status().message()), HasSubstr("--device: the device 'gpu'"));
}

TEST(DefaultConfig, IsAQuantizationWithThePreset) {
  const absl::StatusOr<CompressionConfig> config = default_quantization_config("mixed", 300);
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->algorithms.size(), 1);
  EXPECT_EQ(config->algorithms[0].name, "quantization");
  EXPECT_EQ(config->algorithms[0].object["preset"], "mixed");
  EXPECT_EQ(config->algorithms[0].object["initializer"]["range"]["num_init_samples"], 300);
}

}  // namespace
}  // namespace pare::tools
