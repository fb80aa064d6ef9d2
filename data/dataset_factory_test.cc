#include "data/dataset_factory.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "data/image_writing_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string fresh_folder(const std::string& name) {
  const std::string dir = absl::StrCat(::testing::TempDir(), "/factory_", name);
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  return dir;
}

void add_picture(const std::string& folder, const std::string& name) {
  std::filesystem::create_directories(folder);
  write_test_png(absl::StrCat(folder, "/", name), {2, 2, 3, std::vector<uint8_t>(12, 7)});
}

TEST(DatasetFactoryTest, DrawsTheProceduralSet) {
  const auto train = make_dataset({.name = "procedural", .size = 20});
  ASSERT_TRUE(train.ok()) << train.status();
  EXPECT_EQ((*train)->size(), 20);
  EXPECT_EQ((*make_dataset({.name = "procedural", .split = Split::kTest}))->size(), 2000);
  EXPECT_FALSE(make_dataset({.name = "procedural", .size = -1}).ok());
}

TEST(DatasetFactoryTest, OpensFoldersOfImagesWithAndWithoutSplits) {
  const std::string dir = fresh_folder("images");
  add_picture(dir + "/train/cat", "1.png");
  add_picture(dir + "/train/cat", "2.png");
  add_picture(dir + "/val/cat", "3.png");
  const DatasetOptions train{.name = "images", .dir = dir, .image_size = 4};
  DatasetOptions test = train;
  test.split = Split::kTest;
  EXPECT_EQ((*make_dataset(train))->size(), 2);
  EXPECT_EQ((*make_dataset(test))->size(), 1);
  EXPECT_EQ((*make_dataset(test))->shape(), (ImageShape{3, 4, 4}));
  std::filesystem::remove_all(dir + "/val");
  EXPECT_THAT(make_dataset(test).status().message(), HasSubstr("val"));

  const std::string flat = fresh_folder("flat");
  add_picture(flat + "/cat", "1.png");
  EXPECT_EQ((*make_dataset({.name = "images", .dir = flat, .split = Split::kTest}))->size(), 1);
}

TEST(DatasetFactoryTest, TestImagesHaveTheLabelsOfTheTrainingImages) {
  const std::string dir = fresh_folder("labels");
  for (const char* name : {"cat", "dog", "fox"}) add_picture(absl::StrCat(dir, "/train/", name), "1.png");
  add_picture(dir + "/val/fox", "1.png");
  const DatasetOptions test{.name = "images", .dir = dir, .split = Split::kTest, .image_size = 4};
  const auto images = make_dataset(test);
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ((*images)->num_classes(), 3);
  EXPECT_EQ((*images)->image(0)->label, 2);
  add_picture(dir + "/val/wolf", "1.png");
  EXPECT_THAT(make_dataset(test).status().message(), HasSubstr("no class 'wolf'"));
}

TEST(DatasetFactoryTest, ErrorsComeFromTheDataSetThatIsNamed) {
  const std::string dir = fresh_folder("empty");
  EXPECT_THAT(make_dataset({.name = "cifar10", .dir = dir}).status().message(), HasSubstr("data_batch_1.bin"));
  EXPECT_THAT(make_dataset({.name = "mnist", .dir = dir}).status().message(), HasSubstr("train-images-idx3-ubyte"));
  EXPECT_THAT(make_dataset({.name = "images", .dir = dir}).status().message(), HasSubstr("holds no folders"));
  EXPECT_THAT(make_dataset({.name = "mnist"}).status().message(), HasSubstr("data_dir"));
}

TEST(DatasetFactoryTest, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  EXPECT_THAT(make_dataset({.name = "cifar11", .dir = "x"}).status().message(),
              AllOf(HasSubstr("'cifar11'"), HasSubstr("cifar10, images, mnist, procedural")));
  EXPECT_FALSE(default_transform("cifar11", {3, 32, 32}).ok());
}

TEST(DatasetFactoryTest, EveryDefaultTransformFitsItsImages) {
  for (const std::string& name : dataset_names()) {
    for (int64_t channels : {1, 3}) {
      if (name == "cifar10" && channels == 1) continue;
      const ImageShape shape{channels, 32, 32};
      const auto transform = default_transform(name, shape);
      ASSERT_TRUE(transform.ok()) << name;
      EXPECT_TRUE(check_transform(*transform, shape).ok()) << name;
    }
  }
}

}  // namespace
}  // namespace pare::data
