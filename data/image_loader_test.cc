#include "data/image_loader.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Image i is 1 x 4 x 4, its pixels i, i + 1, ..., its label i.
std::shared_ptr<const ImageDataset> counting(int count) {
  std::vector<uint8_t> pixels, labels;
  for (int i = 0; i < count; ++i) {
    for (int p = 0; p < 16; ++p) pixels.push_back(i + p);
    labels.push_back(i);
  }
  return *MemoryDataset::create("counting", {1, 4, 4}, 256, pixels, labels);
}

class BrokenDataset : public ImageDataset {
 public:
  int64_t size() const override { return 20; }
  int64_t num_classes() const override { return 2; }
  ImageShape shape() const override { return {1, 1, 1}; }
  absl::StatusOr<LabeledImage> image(int64_t index) const override {
    if (index == 13) return absl::DataLossError("folder/13.png: broken");
    return LabeledImage{{1}, 0};
  }
};

ImageLoaderOptions plain(int64_t batch_size, int num_workers = 2) {
  ImageLoaderOptions options;
  options.batch_size = batch_size;
  options.num_workers = num_workers;
  options.transform.normalization = uniform_normalization(1, 0.0f, 1.0f);
  return options;
}

std::unique_ptr<ImageLoader> make_loader(int images, const ImageLoaderOptions& options) {
  auto loader = ImageLoader::create(counting(images), options);
  EXPECT_TRUE(loader.ok()) << loader.status();
  return *std::move(loader);
}

std::vector<Batch> pass(ImageLoader& loader, int64_t epoch) {
  EXPECT_TRUE(loader.start_epoch(epoch).ok());
  std::vector<Batch> batches;
  for (;;) {
    auto batch = loader.next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !batch->has_value()) return batches;
    batches.push_back(**std::move(batch));
  }
}

std::vector<int64_t> labels(const std::vector<Batch>& batches) {
  std::vector<int64_t> result;
  for (const Batch& batch : batches) {
    const auto* data = batch.targets.data_ptr<int64_t>();
    result.insert(result.end(), data, data + batch.size());
  }
  return result;
}

bool same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Batch& x, const Batch& y) {
    return at::equal(x.targets, y.targets) && at::equal(x.inputs.at(0), y.inputs.at(0));
  });
}

TEST(ImageLoaderTest, MakesBatchesInOrderWithASmallerLastOne) {
  auto loader = make_loader(7, plain(3));
  EXPECT_EQ(loader->num_batches(), 3);
  EXPECT_EQ(loader->num_samples(), 7);
  const auto batches = pass(*loader, 0);
  ASSERT_EQ(batches.size(), 3);
  EXPECT_EQ(batches[0].inputs.at(0).sizes(), (at::IntArrayRef{3, 1, 4, 4}));
  EXPECT_EQ(batches[2].inputs.at(0).sizes(), (at::IntArrayRef{1, 1, 4, 4}));
  EXPECT_THAT(labels(batches), ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_FLOAT_EQ(batches[1].inputs[0][2][0][0][1].item<float>(), 6.0f / 255.0f);
}

TEST(ImageLoaderTest, DropsASmallerLastBatch) {
  auto options = plain(3);
  options.drop_last = true;
  auto loader = make_loader(7, options);
  EXPECT_EQ(loader->num_batches(), 2);
  EXPECT_EQ(loader->num_samples(), 6);
  EXPECT_THAT(labels(pass(*loader, 0)), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(ImageLoaderTest, AnyNumberOfWorkersGivesTheSameBatches) {
  auto options = plain(7, 0);
  options.shuffle = options.augment = true;
  options.transform.crop_padding = 2;
  options.transform.horizontal_flip = true;
  auto alone = make_loader(100, options);
  const auto expected = pass(*alone, 3);
  for (int workers : {1, 2, 4}) {
    options.num_workers = workers;
    auto loader = make_loader(100, options);
    EXPECT_TRUE(same(pass(*loader, 3), expected)) << workers << " workers";
    EXPECT_FALSE(same(pass(*loader, 4), expected));
    EXPECT_TRUE(same(pass(*loader, 3), expected)) << "a pass again, " << workers << " workers";
  }
}

TEST(ImageLoaderTest, TheSeedMakesTheOrder) {
  auto options = plain(10);
  options.shuffle = true;
  const auto first = labels(pass(*make_loader(50, options), 0));
  EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), 50);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  EXPECT_EQ(labels(pass(*make_loader(50, options), 0)), first);
  EXPECT_NE(labels(pass(*make_loader(50, options), 1)), first);
  options.seed = 1;
  EXPECT_NE(labels(pass(*make_loader(50, options), 0)), first);
}

TEST(ImageLoaderTest, WithoutAugmentOnlyTheNormalizationIsDone) {
  auto options = plain(5);
  const auto expected = pass(*make_loader(10, options), 0);
  options.transform.crop_padding = 3;
  options.transform.horizontal_flip = true;
  EXPECT_TRUE(same(pass(*make_loader(10, options), 0), expected));
  options.augment = true;
  EXPECT_FALSE(same(pass(*make_loader(10, options), 0), expected));
}

TEST(ImageLoaderTest, ASubsetIsTheFirstImagesOrOnesFromTheSeed) {
  auto options = plain(4);
  options.subset_size = 6;
  auto loader = make_loader(100, options);
  EXPECT_EQ(loader->num_samples(), 6);
  EXPECT_THAT(labels(pass(*loader, 0)), ElementsAre(0, 1, 2, 3, 4, 5));
  options.random_subset = true;
  const auto drawn = labels(pass(*make_loader(100, options), 0));
  EXPECT_EQ(std::set<int64_t>(drawn.begin(), drawn.end()).size(), 6);
  EXPECT_NE(drawn, (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(labels(pass(*make_loader(100, options), 5)), drawn);
  options.seed = 9;
  EXPECT_NE(labels(pass(*make_loader(100, options), 0)), drawn);
}

TEST(ImageLoaderTest, APassCanBeStartedInTheMiddleOfAnother) {
  auto loader = make_loader(30, plain(2, 3));
  ASSERT_TRUE(loader->start_epoch(0).ok());
  ASSERT_TRUE(loader->next().ok());
  EXPECT_EQ(labels(pass(*loader, 1)).size(), 30);
}

TEST(ImageLoaderTest, AWorkersErrorComesOutOfNext) {
  for (int workers : {0, 1, 4}) {
    auto loader = *ImageLoader::create(std::make_shared<BrokenDataset>(), plain(5, workers));
    ASSERT_TRUE(loader->start_epoch(0).ok());
    EXPECT_TRUE(loader->next().ok());
    EXPECT_TRUE(loader->next().ok());
    EXPECT_EQ(loader->next().status(), absl::DataLossError("folder/13.png: broken"));
    EXPECT_EQ(loader->next().status(), absl::DataLossError("folder/13.png: broken"));
  }
}

TEST(ImageLoaderTest, ABatchLargerThanTheDataSetIsTheWholeOfIt) {
  auto loader = make_loader(3, plain(1000000));
  EXPECT_EQ(loader->num_batches(), 1);
  EXPECT_EQ(labels(pass(*loader, 0)).size(), 3);
}

TEST(ImageLoaderTest, RefusesOptionsOutOfRange) {
  const auto message = [](const ImageLoaderOptions& options) {
    return std::string(ImageLoader::create(counting(10), options).status().message());
  };
  EXPECT_THAT(message(plain(0)), HasSubstr("batch_size is 0"));
  EXPECT_THAT(message(plain(-3)), HasSubstr("batch_size is -3"));
  EXPECT_THAT(message(plain(1, -1)), HasSubstr("num_workers is -1"));
  EXPECT_THAT(message(plain(1, 100000)), HasSubstr("num_workers is 100000"));
  auto options = plain(1);
  options.subset_size = 11;
  EXPECT_THAT(message(options), HasSubstr("subset_size is 11, but goes from 0 to 10"));
  options = plain(1);
  options.prefetch = 0;
  EXPECT_THAT(message(options), HasSubstr("prefetch is 0"));
  options = plain(1);
  options.transform.normalization = imagenet_normalization();
  EXPECT_THAT(message(options), HasSubstr("3 value(s) of mean for images of 1"));
  EXPECT_FALSE(ImageLoader::create(nullptr, plain(1)).ok());
  EXPECT_FALSE(make_loader(5, plain(1))->start_epoch(-1).ok());
}

TEST(ImageLoaderTest, ShardsOfABatchAreTheBatchWhateverTheirNumber) {
  ImageLoaderOptions options = plain(5);
  options.shuffle = true;
  options.augment = true;
  options.transform.crop_padding = 1;
  options.transform.horizontal_flip = true;
  const std::vector<Batch> expected = pass(*make_loader(13, options), 2);
  for (const int count : {2, 4}) {
    std::vector<std::vector<Batch>> parts;
    for (int index = 0; index < count; ++index) {
      options.shard = {index, count};
      const auto loader = make_loader(13, options);
      EXPECT_EQ(loader->num_batches(), 3);
      EXPECT_EQ(loader->num_samples(), 13);
      parts.push_back(pass(*loader, 2));
      ASSERT_EQ(parts.back().size(), expected.size());
    }
    for (size_t b = 0; b < expected.size(); ++b) {
      std::vector<at::Tensor> images, labels;
      int64_t first = 0;
      for (const std::vector<Batch>& part : parts) {
        EXPECT_EQ(part[b].first, first);
        EXPECT_EQ(part[b].whole_size(), expected[b].size());
        first += part[b].size();
        images.push_back(part[b].inputs[0]);
        labels.push_back(part[b].targets);
      }
      EXPECT_TRUE(at::equal(at::cat(images), expected[b].inputs[0]));
      EXPECT_TRUE(at::equal(at::cat(labels), expected[b].targets));
    }
  }
  options.shard = {2, 2};
  EXPECT_EQ(ImageLoader::create(counting(4), options).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare::data
