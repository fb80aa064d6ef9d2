#include "data/image_folder.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "data/image_writing_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ImageFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ =
        absl::StrCat(::testing::TempDir(), "/images_", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }

  // A picture of one colour.
  void add(const std::string& class_name, const std::string& file, uint8_t value) {
    std::filesystem::create_directories(absl::StrCat(dir_, "/", class_name));
    const Picture picture{6, 6, 3, std::vector<uint8_t>(108, value)};
    const std::string path = absl::StrCat(dir_, "/", class_name, "/", file);
    file.back() == 'g' && file.find(".png") != std::string::npos ? write_test_png(path, picture)
                                                                 : write_test_jpeg(path, picture);
  }

  absl::StatusOr<std::unique_ptr<ImageFolder>> open() { return ImageFolder::open({dir_, 4, 4, 3}); }

  std::string dir_;
};

TEST_F(ImageFolderTest, SortsClassesAndPictures) {
  add("dog", "b.png", 30);
  add("dog", "a.JPEG", 20);
  add("cat", "z.jpg", 10);
  std::ofstream(dir_ + "/dog/notes.txt") << "no picture";
  std::ofstream(dir_ + "/README") << "no class";
  std::filesystem::create_directories(dir_ + "/.hidden");
  const auto images = open();
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_THAT((*images)->class_names(), ElementsAre("cat", "dog"));
  EXPECT_EQ((*images)->num_classes(), 2);
  EXPECT_EQ((*images)->shape(), (ImageShape{3, 4, 4}));
  ASSERT_EQ((*images)->size(), 3);
  for (int64_t i = 0; i < 3; ++i) {
    const auto image = (*images)->image(i);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->label, i == 0 ? 0 : 1);
    ASSERT_EQ(image->pixels.size(), 48);
    EXPECT_NEAR(image->pixels[0], 10 + 10 * i, 2);
  }
}

TEST_F(ImageFolderTest, AMissingAndAnEmptyFolderAreErrors) {
  EXPECT_THAT(ImageFolder::open({dir_ + "/nowhere"}).status().message(), HasSubstr("nowhere: cannot be listed"));
  EXPECT_THAT(open().status().message(), AllOf(HasSubstr(dir_), HasSubstr("holds no folders")));
  std::filesystem::create_directories(dir_ + "/cat");
  EXPECT_THAT(open().status().message(), AllOf(HasSubstr(dir_ + "/cat"), HasSubstr("no pictures")));
}

TEST_F(ImageFolderTest, TakesTheLabelsOfTheClassesThatItIsGiven) {
  add("dog", "a.png", 20);
  const auto images = ImageFolder::open({dir_, 4, 4, 3, {"cat", "dog", "fox"}});
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ((*images)->num_classes(), 3);
  EXPECT_EQ((*images)->image(0)->label, 1);
  add("wolf", "a.png", 20);
  EXPECT_THAT(ImageFolder::open({dir_, 4, 4, 3, {"cat", "dog", "fox"}}).status().message(),
              AllOf(HasSubstr(dir_ + "/wolf"), HasSubstr("no class 'wolf'"), HasSubstr("cat, dog, fox")));
  EXPECT_THAT(*list_image_classes(dir_), ElementsAre("dog", "wolf"));
}

TEST_F(ImageFolderTest, ABrokenPictureIsAnErrorThatNamesIt) {
  add("cat", "good.png", 1);
  std::ofstream(dir_ + "/cat/bad.png") << "broken";
  const auto images = open();
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_THAT((*images)->image(0).status().message(), HasSubstr(dir_ + "/cat/bad.png"));
  EXPECT_TRUE((*images)->image(1).ok());
  EXPECT_EQ((*images)->image(2).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(ImageFolderTest, RefusesShapesOutOfRange) {
  EXPECT_THAT(ImageFolder::open({dir_, 0, 4, 3}).status().message(), HasSubstr("3x0x4"));
  EXPECT_THAT(ImageFolder::open({dir_, 4, 1 << 20, 3}).status().message(), HasSubstr("1048576"));
  EXPECT_THAT(ImageFolder::open({dir_, 4, 4, 2}).status().message(), HasSubstr("2x4x4"));
}

}  // namespace
}  // namespace pare::data
