#include "data/sharded_loader.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>

#include <memory>
#include <vector>

#include "data/random_loader.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

TEST(ShardedLoader, PartsTogetherAreTheBatch) {
  const RandomLoaderOptions options{.inputs = {{.shape = {7, 2}}, {.shape = {7}}}, .num_batches = 2, .num_classes = 5};
  const auto whole = *RandomLoader::create(options);
  ASSERT_TRUE(whole->start_epoch(1).ok());
  std::vector<std::unique_ptr<RandomLoader>> loaders;
  std::vector<ShardedLoader> shards;
  for (int i = 0; i < 3; ++i) {
    loaders.push_back(*RandomLoader::create(options));
    shards.emplace_back(*loaders.back(), Shard{i, 3});
    ASSERT_TRUE(shards.back().start_epoch(1).ok());
    EXPECT_EQ(shards.back().num_batches(), 2);
    EXPECT_EQ(shards.back().num_samples(), 14);
    EXPECT_EQ(shards.back().batch_size(), 7);
  }
  for (int b = 0; b < 2; ++b) {
    const Batch expected = **whole->next();
    std::vector<at::Tensor> first, second, targets;
    for (ShardedLoader& shard : shards) {
      const Batch part = **shard.next();
      EXPECT_EQ(part.whole_size(), 7);
      EXPECT_EQ(part.first, (first.empty() ? 0 : at::cat(first).size(0)));
      first.push_back(part.inputs[0]);
      second.push_back(part.inputs[1]);
      targets.push_back(part.targets);
    }
    EXPECT_TRUE(at::equal(at::cat(first), expected.inputs[0]));
    EXPECT_TRUE(at::equal(at::cat(second), expected.inputs[1]));
    EXPECT_TRUE(at::equal(at::cat(targets), expected.targets));
  }
  EXPECT_FALSE(shards[0].next()->has_value());
}

TEST(ShardedLoader, ABatchSmallerThanTheirNumberLeavesSomeNothing) {
  const auto loader = *RandomLoader::create({.inputs = {{.shape = {1, 2}}}, .num_batches = 1});
  ShardedLoader first(*loader, {0, 2});
  ASSERT_TRUE(first.start_epoch(0).ok());
  const Batch batch = **first.next();
  EXPECT_EQ(batch.size(), 0);
  EXPECT_EQ(batch.whole_size(), 1);
}

TEST(ShardedLoader, RefusesAShardOfAShard) {
  const auto loader = *RandomLoader::create({.inputs = {{.shape = {4, 2}}}, .num_batches = 1});
  ShardedLoader half(*loader, {0, 2});
  ShardedLoader quarter(half, {0, 2});
  ASSERT_TRUE(quarter.start_epoch(0).ok());
  EXPECT_EQ(quarter.next().status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare::data
