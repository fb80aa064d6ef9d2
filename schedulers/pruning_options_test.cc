#include "schedulers/pruning_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

TEST(PruningOptions, DefaultsAndKeys) {
  config::ObjectReader defaults(nullptr, "$");
  const PruningOptions options = read_pruning_options(defaults, 0.1);
  EXPECT_TRUE(defaults.finish().ok());
  EXPECT_EQ(options.initial, 0.1);
  EXPECT_EQ(options.target, 0.5);
  EXPECT_FALSE(options.target_is_flops);
  EXPECT_EQ(options.freeze_epoch(), 100);

  const nlohmann::json json = {{"pruning_flops_target", 0.3}, {"num_init_steps", 2}, {"pruning_steps", 5}};
  config::ObjectReader reader(json, "$");
  const PruningOptions read = read_pruning_options(reader, 0);
  EXPECT_TRUE(reader.finish().ok());
  EXPECT_EQ(read.target, 0.3);
  EXPECT_TRUE(read.target_is_flops);
  EXPECT_EQ(read.freeze_epoch(), 7);
}

TEST(PruningOptions, MistakesAreTheReaders) {
  const auto error = [](const nlohmann::json& json, double initial) {
    config::ObjectReader reader(json, "$");
    read_pruning_options(reader, initial);
    return std::string(reader.finish().message());
  };
  EXPECT_THAT(error({{"pruning_target", 0.1}, {"pruning_flops_target", 0.3}}, 0), HasSubstr("one of the two"));
  EXPECT_THAT(error({{"pruning_target", 1}}, 0), HasSubstr("$.pruning_target: expected a number below 1"));
  EXPECT_THAT(error({{"pruning_steps", 0}}, 0), HasSubstr("an integer from 1 to"));
  EXPECT_THAT(error(nlohmann::json::object(), 1), HasSubstr("initial pruning level"));
}

}  // namespace
}  // namespace pare
