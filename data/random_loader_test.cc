#include "data/random_loader.h"

#include <ATen/Functions.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::HasSubstr;

std::vector<Batch> pass(RandomLoader& loader, int64_t epoch) {
  EXPECT_TRUE(loader.start_epoch(epoch).ok());
  std::vector<Batch> batches;
  for (;;) {
    auto batch = loader.next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !batch->has_value()) return batches;
    batches.push_back(**std::move(batch));
  }
}

TEST(RandomLoaderTest, DrawsWhatIsAskedFor) {
  RandomLoaderOptions options;
  options.inputs = {{.shape = {50, 3, 20}},
                    {.shape = {50, 100}, .kind = RandomInput::kUniform, .low = -2, .high = 4},
                    {.shape = {50, 40}, .kind = RandomInput::kIntegers, .low = 5, .high = 8}};
  options.num_batches = 3;
  options.num_classes = 4;
  auto loader = *RandomLoader::create(options);
  EXPECT_EQ(loader->batch_size(), 50);
  EXPECT_EQ(loader->num_samples(), 150);
  const auto batches = pass(*loader, 0);
  ASSERT_EQ(batches.size(), 3);
  for (const Batch& batch : batches) {
    EXPECT_EQ(batch.inputs[0].sizes(), (at::IntArrayRef{50, 3, 20}));
    // Six deviations of the mean, and of the deviation, of 3000 numbers.
    EXPECT_NEAR(batch.inputs[0].mean().item<double>(), 0, 0.11);
    EXPECT_NEAR(batch.inputs[0].std().item<double>(), 1, 0.08);
    EXPECT_GE(batch.inputs[1].min().item<double>(), -2);
    EXPECT_LE(batch.inputs[1].max().item<double>(), 4);
    EXPECT_NEAR(batch.inputs[1].mean().item<double>(), 1, 0.15);
    EXPECT_EQ(batch.inputs[2].scalar_type(), at::kLong);
    EXPECT_EQ(batch.inputs[2].min().item<int64_t>(), 5);
    EXPECT_EQ(batch.inputs[2].max().item<int64_t>(), 7);
    EXPECT_EQ(batch.size(), 50);
    EXPECT_EQ(batch.targets.max().item<int64_t>(), 3);
  }
}

TEST(RandomLoaderTest, IsAFunctionOfSeedEpochAndBatch) {
  RandomLoaderOptions options;
  options.inputs = {{.shape = {2, 8}}};
  options.num_batches = 2;
  auto loader = *RandomLoader::create(options), again = *RandomLoader::create(options);
  options.seed = 1;
  auto other = *RandomLoader::create(options);
  const auto first = pass(*loader, 0);
  EXPECT_FALSE(at::equal(first[0].inputs[0], first[1].inputs[0]));
  EXPECT_TRUE(at::equal(first[1].inputs[0], pass(*again, 0)[1].inputs[0]));
  EXPECT_FALSE(at::equal(first[0].inputs[0], pass(*loader, 1)[0].inputs[0]));
  EXPECT_FALSE(at::equal(first[0].inputs[0], pass(*other, 0)[0].inputs[0]));
}

TEST(RandomLoaderTest, GivesNothingBeforeAPass) {
  RandomLoaderOptions options;
  options.inputs = {{.shape = {2}}};
  auto loader = *RandomLoader::create(options);
  EXPECT_FALSE(loader->next()->has_value());
  EXPECT_FALSE(loader->start_epoch(-1).ok());
}

TEST(RandomLoaderTest, RefusesWhatCannotBeDrawn) {
  const auto message = [](std::vector<RandomInput> inputs, int64_t num_batches = 1) {
    return std::string(RandomLoader::create({std::move(inputs), num_batches}).status().message());
  };
  EXPECT_THAT(message({}), HasSubstr("no inputs"));
  EXPECT_THAT(message({{.shape = {}}}), HasSubstr("at least the batch"));
  EXPECT_THAT(message({{.shape = {1, 0}}}), HasSubstr("1,0: each dimension must be at least 1"));
  EXPECT_THAT(message({{.shape = {1, int64_t{1} << 40, int64_t{1} << 40}}}), HasSubstr("more than"));
  EXPECT_THAT(message({{.shape = {2}}, {.shape = {3}}}), HasSubstr("input 1 has a batch of 3, input 0 one of 2"));
  EXPECT_THAT(message({{.shape = {2}, .kind = RandomInput::kIntegers, .low = 3, .high = 3}}), HasSubstr("low < high"));
  EXPECT_THAT(message({{.shape = {2}}}, 0), HasSubstr("num_batches is 0"));
}

}  // namespace
}  // namespace pare::data
