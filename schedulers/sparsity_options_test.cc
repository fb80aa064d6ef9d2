#include "schedulers/sparsity_options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

TEST(SparsityOptions, Defaults) {
  config::ObjectReader reader(nullptr, "$.params");
  const SparsityOptions options = read_sparsity_options(reader, 0.25);
  EXPECT_TRUE(reader.finish().ok());
  EXPECT_EQ(options.initial, 0.25);
  EXPECT_EQ(options.target, 0.5);
  EXPECT_EQ(options.target_epoch, 90);
  EXPECT_EQ(options.level_options().freeze_epoch, 100);
  EXPECT_FALSE(options.level_options().update_per_step);
}

TEST(SparsityOptions, ReadsItsKeysAndLetsThoseOfAllSchedulesPass) {
  const nlohmann::json json = {{"sparsity_target", 0.7},
                               {"sparsity_target_epoch", 5},
                               {"sparsity_freeze_epoch", 6},
                               {"update_per_optimizer_step", true},
                               {"steps_per_epoch", 10},
                               {"power", 3},
                               {"eps", 0.1}};
  config::ObjectReader reader(json, "$.params");
  const SparsityOptions options = read_sparsity_options(reader, 0);
  EXPECT_TRUE(reader.finish().ok()) << reader.finish();
  EXPECT_EQ(options.target, 0.7);
  EXPECT_EQ(options.target_epoch, 5);
  EXPECT_EQ(options.level_options().freeze_epoch, 6);
  EXPECT_TRUE(options.level_options().update_per_step);
  EXPECT_EQ(options.level_options().steps_per_epoch, 10);
}

TEST(SparsityOptions, MistakesAreTheReaders) {
  const auto error = [](const nlohmann::json& json, double initial) {
    config::ObjectReader reader(json, "$.params");
    read_sparsity_options(reader, initial);
    return std::string(reader.finish().message());
  };
  EXPECT_THAT(error({{"sparsity_target", 1.5}}, 0),
              HasSubstr("$.params.sparsity_target: expected a number from 0 to 1"));
  EXPECT_THAT(error({{"sparsity_targt", 0.5}}, 0), HasSubstr("did you mean \"sparsity_target\"?"));
  EXPECT_THAT(error({{"steps_per_epoch", 0}}, 0), HasSubstr("of at least 1"));
  EXPECT_THAT(error(nlohmann::json::object(), 2), HasSubstr("initial sparsity"));
}

TEST(SparsityOptions, Progress) {
  SparsityOptions options;
  options.target_epoch = 4;
  EXPECT_EQ(options.progress(0), 0);
  EXPECT_EQ(options.progress(1), 0.25);
  EXPECT_EQ(options.progress(9), 1);
  options.target_epoch = 0;
  EXPECT_EQ(options.progress(0), 1) << "at once";
}

}  // namespace
}  // namespace pare
