#include "data/dataset.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::HasSubstr;

TEST(MemoryDatasetTest, GivesImagesAndLabelsByNumber) {
  const auto images = MemoryDataset::create("two", {1, 1, 3}, 4, {1, 2, 3, 4, 5, 6}, {3, 0});
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ((*images)->size(), 2);
  EXPECT_EQ((*images)->num_classes(), 4);
  EXPECT_EQ((*images)->shape(), (ImageShape{1, 1, 3}));
  EXPECT_EQ((*images)->image(1)->pixels, (std::vector<uint8_t>{4, 5, 6}));
  EXPECT_EQ((*images)->image(0)->label, 3);
}

TEST(MemoryDatasetTest, AnIndexOutsideIsAnError) {
  const auto images = MemoryDataset::create("one", {1, 1, 1}, 1, {9}, {0});
  ASSERT_TRUE(images.ok());
  EXPECT_EQ((*images)->image(-1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT((*images)->image(1).status().message(), HasSubstr("image 1 was asked for"));
}

TEST(MemoryDatasetTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(MemoryDataset::create("none", {1, 1, 1}, 1, {}, {}).status().message(), HasSubstr("none: there are no"));
  EXPECT_THAT(MemoryDataset::create("short", {1, 1, 2}, 1, {1, 2, 3}, {0, 0}).status().message(),
              HasSubstr("3 bytes of pixels, but 2 images of 1x1x2 take 4"));
  EXPECT_THAT(MemoryDataset::create("label", {1, 1, 1}, 2, {1, 2}, {0, 2}).status().message(),
              HasSubstr("image 1 has the label 2, but labels go from 0 to 1"));
  EXPECT_THAT(MemoryDataset::create("flat", {1, 0, 1}, 2, {}, {0}).status().message(), HasSubstr("1x0x1"));
}

}  // namespace
}  // namespace pare::data
