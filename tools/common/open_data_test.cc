#include "tools/common/open_data.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools {
namespace {

using ::testing::HasSubstr;

TEST(OpenData, TheProceduralSetNeedsNoFolder) {
  const absl::StatusOr<std::unique_ptr<data::ImageLoader>> loader =
      open_loader({.name = "procedural"}, data::Split::kTest, {.batch_size = 32, .subset_size = 40});
  ASSERT_TRUE(loader.ok()) << loader.status();
  EXPECT_EQ((*loader)->num_samples(), 40);
  ASSERT_TRUE((*loader)->start_epoch(0).ok());
  const absl::StatusOr<std::optional<data::Batch>> batch = (*loader)->next();
  ASSERT_TRUE(batch.ok() && batch->has_value());
  EXPECT_EQ((*batch)->inputs[0].sizes(), (std::vector<int64_t>{32, 3, 32, 32}));
}

TEST(OpenData, TheSeedDrawsAnotherProceduralSet) {
  const auto first_image = [](uint64_t seed) {
    return (*open_dataset({.name = "procedural", .seed = seed}, data::Split::kTest))->image(0)->pixels;
  };
  EXPECT_EQ(first_image(0), first_image(0));
  EXPECT_NE(first_image(1), first_image(0));
}

TEST(OpenData, OthersDo) {
  for (const char* name : {"cifar10", "mnist", "images"}) {
    const absl::Status status = open_dataset({.name = name}, data::Split::kTest).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr("--data_dir")) << name;
    EXPECT_FALSE(open_dataset({.name = name, .dir = "nowhere"}, data::Split::kTest).ok()) << name;
  }
}

TEST(OpenData, ANegativeImageSizeIsRefused) {
  const absl::Status status =
      open_dataset({.name = "images", .dir = ".", .image_size = -1}, data::Split::kTest).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
}

TEST(OpenData, AnUnknownNameIsRefused) {
  EXPECT_EQ(open_dataset({.name = "cifar11", .dir = "x"}, data::Split::kTest).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(OpenData, AMeanForAnotherNumberOfChannelsIsRefused) {
  EXPECT_FALSE(open_loader({.name = "procedural", .mean = {0.5}, .stddev = {0.5}}, data::Split::kTest, {}).ok());
}

}  // namespace
}  // namespace pare::tools
