#include "data/torch_data.h"

#include <algorithm>
#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Sample i is three numbers i, of class i. From `broken` on, samples cannot be read.
class Counting : public torch::data::datasets::Dataset<Counting> {
 public:
  explicit Counting(size_t size, size_t broken = 1000) : size_(size), broken_(broken) {}
  torch::data::Example<> get(size_t index) override {
    if (index >= broken_) throw std::runtime_error("sample cannot be read");
    const auto number = static_cast<int64_t>(index);
    return {torch::full({3}, number, torch::kFloat), torch::tensor(number)};
  }
  torch::optional<size_t> size() const override { return size_; }

 private:
  size_t size_, broken_;
};

std::vector<int64_t> classes(DataLoader& loader, int64_t epoch) {
  EXPECT_TRUE(loader.start_epoch(epoch).ok());
  std::vector<int64_t> result;
  for (;;) {
    const auto batch = loader.next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !batch->has_value()) return result;
    const at::Tensor& input = (*batch)->inputs.at(0);
    EXPECT_EQ(input.sizes(), (at::IntArrayRef{(*batch)->size(), 3}));
    for (int64_t i = 0; i < (*batch)->size(); ++i) {
      result.push_back((*batch)->targets[i].item<int64_t>());
      EXPECT_EQ(input[i][2].item<float>(), static_cast<float>(result.back()));
    }
  }
}

bool holds_each_once(std::vector<int64_t> numbers, int64_t size) {
  std::sort(numbers.begin(), numbers.end());
  for (int64_t i = 0; i < size; ++i) {
    if (i >= static_cast<int64_t>(numbers.size()) || numbers[i] != i) return false;
  }
  return static_cast<int64_t>(numbers.size()) == size;
}

TEST(AdaptTorchDatasetTest, GoesThroughTheSetInOrder) {
  auto loader = *adapt_torch_dataset(Counting(5), {.batch_size = 2});
  EXPECT_EQ(loader->num_batches(), 3);
  EXPECT_EQ(loader->num_samples(), 5);
  EXPECT_FALSE(loader->next()->has_value());
  EXPECT_THAT(classes(*loader, 0), ElementsAre(0, 1, 2, 3, 4));
}

TEST(AdaptTorchDatasetTest, ShufflesFromSeedAndEpoch) {
  auto loader = *adapt_torch_dataset(Counting(40), {.batch_size = 7, .shuffle = true, .seed = 2});
  auto same = *adapt_torch_dataset(Counting(40), {.batch_size = 7, .shuffle = true, .seed = 2});
  const auto first = classes(*loader, 0);
  EXPECT_TRUE(holds_each_once(first, 40));
  EXPECT_NE(classes(*loader, 1), first);
  EXPECT_EQ(classes(*same, 0), first);
}

TEST(AdaptTorchDatasetTest, GivesItsPartOfEachBatch) {
  std::vector<int64_t> expected = classes(**adapt_torch_dataset(Counting(7), {.batch_size = 3, .shuffle = true}), 4);
  auto first = *adapt_torch_dataset(Counting(7), {.batch_size = 3, .shuffle = true, .shard = {0, 2}});
  auto second = *adapt_torch_dataset(Counting(7), {.batch_size = 3, .shuffle = true, .shard = {1, 2}});
  // Of three samples one and two; of the last one none and one.
  EXPECT_THAT(classes(*first, 4), ElementsAre(expected[0], expected[3]));
  EXPECT_THAT(classes(*second, 4), ElementsAre(expected[1], expected[2], expected[4], expected[5], expected[6]));
  EXPECT_EQ(first->num_batches(), 3);
  EXPECT_FALSE(adapt_torch_dataset(Counting(7), {.shard = {2, 2}}).ok());
}

TEST(AdaptTorchDatasetTest, TakesStackedSets) {
  auto loader = *adapt_torch_dataset(Counting(5).map(torch::data::transforms::Stack<>()), {.batch_size = 3});
  EXPECT_THAT(classes(*loader, 0), ElementsAre(0, 1, 2, 3, 4));
}

TEST(AdaptTorchDatasetTest, WhatTheSetThrowsIsAnError) {
  auto loader = *adapt_torch_dataset(Counting(5, 2), {.batch_size = 2});
  ASSERT_TRUE(loader->start_epoch(0).ok());
  EXPECT_TRUE(loader->next().ok());
  const absl::Status error = loader->next().status();
  EXPECT_THAT(error.message(), HasSubstr("sample cannot be read"));
  EXPECT_EQ(loader->next().status(), error) << "the pass is over";
  ASSERT_TRUE(loader->start_epoch(1).ok());
  EXPECT_TRUE(loader->next().ok());
}

TEST(AdaptTorchDatasetTest, RefusesEmptySetsAndBatches) {
  EXPECT_FALSE(adapt_torch_dataset(Counting(0), {}).ok());
  EXPECT_THAT(adapt_torch_dataset(Counting(1), {.batch_size = 0}).status().message(), HasSubstr("batch_size is 0"));
}

template <typename Sampler>
std::unique_ptr<DataLoader> through_torch_loader(size_t size, size_t workers, uint64_t seed, size_t broken = 1000) {
  auto set = Counting(size, broken).map(torch::data::transforms::Stack<>());
  auto loader = torch::data::make_data_loader<Sampler>(
      std::move(set), torch::data::DataLoaderOptions(4).workers(workers).enforce_ordering(true));
  return *adapt_torch_data_loader(std::move(loader), {static_cast<int64_t>(size), 4, seed});
}

TEST(AdaptTorchDataLoaderTest, GoesThroughTheLoader) {
  for (size_t workers : {0, 2}) {
    auto loader = through_torch_loader<torch::data::samplers::SequentialSampler>(10, workers, 0);
    EXPECT_EQ(loader->num_batches(), 3);
    EXPECT_FALSE(loader->next()->has_value());
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      EXPECT_THAT(classes(*loader, epoch), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
      EXPECT_FALSE(loader->next()->has_value());
    }
  }
}

TEST(AdaptTorchDataLoaderTest, ARandomSamplerDrawsFromSeedAndEpochAndTheGlobalGeneratorIsLeftAlone) {
  using torch::data::samplers::RandomSampler;
  auto loader = through_torch_loader<RandomSampler>(40, 2, 3), same = through_torch_loader<RandomSampler>(40, 0, 3);
  at::manual_seed(1);
  const at::Tensor expected = at::rand({3});
  at::manual_seed(1);
  const auto first = classes(*loader, 0);
  EXPECT_TRUE(at::equal(at::rand({3}), expected));
  EXPECT_TRUE(holds_each_once(first, 40));
  EXPECT_NE(classes(*loader, 1), first);
  EXPECT_EQ(classes(*same, 0), first);
}

TEST(AdaptTorchDataLoaderTest, APassCanBeStartedInTheMiddleOfAnother) {
  for (size_t workers : {0, 2}) {
    auto loader = through_torch_loader<torch::data::samplers::SequentialSampler>(12, workers, 0);
    ASSERT_TRUE(loader->start_epoch(0).ok());
    ASSERT_TRUE(loader->next().ok());
    EXPECT_EQ(classes(*loader, 1).size(), 12);
    ASSERT_TRUE(loader->start_epoch(2).ok());
    EXPECT_EQ(classes(*loader, 3).size(), 12);
  }
}

TEST(AdaptTorchDataLoaderTest, WhatTheLoaderThrowsIsAnError) {
  auto loader = through_torch_loader<torch::data::samplers::SequentialSampler>(8, 0, 0, 5);
  ASSERT_TRUE(loader->start_epoch(0).ok());
  EXPECT_TRUE(loader->next().ok());
  const absl::Status error = loader->next().status();
  EXPECT_THAT(error.message(), HasSubstr("sample cannot be read"));
  EXPECT_EQ(loader->next().status(), error) << "the pass is over";
}

}  // namespace
}  // namespace pare::data
