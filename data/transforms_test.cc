#include "data/transforms.h"

#include <limits>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::HasSubstr;

constexpr ImageShape kRow{1, 1, 3};

// Values are x itself: (x / 255 - 0) / (1 / 255) up to rounding.
std::vector<int> apply(const TransformOptions& options, const ImageShape& shape, const std::vector<uint8_t>& pixels,
                       const std::optional<AugmentationKey>& key) {
  std::vector<float> output(pixels.size());
  ImageTransform(options).apply(pixels, shape, key, absl::MakeSpan(output));
  std::vector<int> rounded;
  for (float value : output) rounded.push_back(static_cast<int>(value + 0.5f));
  return rounded;
}

TransformOptions bytes(int64_t crop_padding, bool flip) {
  return {uniform_normalization(1, 0.0f, 1.0f / 255.0f), crop_padding, flip};
}

TEST(ImageTransformTest, NormalizesEachChannelWithItsOwnNumbers) {
  const std::vector<uint8_t> pixels = {0, 255, 51};
  std::vector<float> output(3);
  ImageTransform({imagenet_normalization()}).apply(pixels, {3, 1, 1}, std::nullopt, absl::MakeSpan(output));
  EXPECT_FLOAT_EQ(output[0], -0.485f / 0.229f);
  EXPECT_FLOAT_EQ(output[1], (1.0f - 0.456f) / 0.224f);
  EXPECT_FLOAT_EQ(output[2], (0.2f - 0.406f) / 0.225f);
}

TEST(ImageTransformTest, WithoutAKeyNothingMoves) {
  EXPECT_EQ(apply(bytes(2, true), kRow, {1, 2, 3}, std::nullopt), (std::vector<int>{1, 2, 3}));
}

TEST(ImageTransformTest, FlipsSomeImagesAndLeavesOthers) {
  std::set<std::vector<int>> seen;
  for (int64_t i = 0; i < 64; ++i) seen.insert(apply(bytes(0, true), kRow, {1, 2, 3}, AugmentationKey{0, 0, i}));
  EXPECT_EQ(seen, (std::set<std::vector<int>>{{1, 2, 3}, {3, 2, 1}}));
}

TEST(ImageTransformTest, CropsAtEveryPlaceAndPadsWithBlack) {
  std::set<std::vector<int>> seen;
  for (int64_t i = 0; i < 400; ++i) {
    seen.insert(apply(bytes(1, false), {1, 2, 2}, {1, 2, 3, 4}, AugmentationKey{0, 0, i}));
  }
  EXPECT_EQ(seen, (std::set<std::vector<int>>{{0, 0, 0, 1},
                                              {0, 0, 1, 2},
                                              {0, 0, 2, 0},  // moved down
                                              {0, 1, 0, 3},
                                              {1, 2, 3, 4},
                                              {2, 0, 4, 0},
                                              {0, 3, 0, 0},
                                              {3, 4, 0, 0},
                                              {4, 0, 0, 0}}));
}

TEST(ImageTransformTest, IsAFunctionOfItsKey) {
  const auto draw = [](uint64_t seed, int64_t epoch) {
    std::vector<std::vector<int>> images;
    for (int64_t i = 0; i < 20; ++i)
      images.push_back(apply(bytes(1, true), kRow, {1, 2, 3}, AugmentationKey{seed, epoch, i}));
    return images;
  };
  EXPECT_EQ(draw(1, 1), draw(1, 1));
  EXPECT_NE(draw(1, 1), draw(2, 1));
  EXPECT_NE(draw(1, 1), draw(1, 2));
}

TEST(CheckTransformTest, RefusesWhatDoesNotFit) {
  const ImageShape shape{3, 8, 6};
  EXPECT_TRUE(check_transform({imagenet_normalization(), 4, true}, shape).ok());
  EXPECT_THAT(check_transform(bytes(0, false), shape).message(), HasSubstr("1 value(s) of mean for images of 3"));
  EXPECT_THAT(check_transform({uniform_normalization(3, 0, 0)}, shape).message(), HasSubstr("must be above 0"));
  EXPECT_THAT(check_transform({uniform_normalization(3, std::numeric_limits<float>::quiet_NaN(), 1)}, shape).message(),
              HasSubstr("mean holds nan"));
  EXPECT_THAT(check_transform({imagenet_normalization(), -1}, shape).message(), HasSubstr("crop_padding is -1"));
  EXPECT_THAT(check_transform({imagenet_normalization(), 7}, shape).message(), HasSubstr("from 0 to 6"));
}

}  // namespace
}  // namespace pare::data
