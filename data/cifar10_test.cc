#include "data/cifar10.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Cifar10Test : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = absl::StrCat(::testing::TempDir(), "/cifar10_",
                        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }

  // Records whose label is `label` and whose pixels are all `pixel`.
  static std::string records(int count, int label, int pixel) {
    std::string content;
    for (int i = 0; i < count; ++i) content += std::string(1, label) + std::string(3072, pixel);
    return content;
  }

  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(absl::StrCat(dir_, "/", name), std::ios::binary) << content;
    return absl::StrCat(dir_, "/", name);
  }

  absl::StatusOr<std::unique_ptr<ImageDataset>> read(Split split, int64_t images_per_file = 2) {
    return read_cifar10({dir_, split, images_per_file});
  }

  std::string dir_;
};

TEST_F(Cifar10Test, ReadsTheTrainFilesThatAreThereInOrder) {
  write("data_batch_4.bin", records(2, 4, 40));
  write("data_batch_2.bin", records(2, 2, 20));
  ::testing::internal::CaptureStderr();
  const auto images = read(Split::kTrain);
  const std::string logged = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_THAT(logged, AllOf(HasSubstr("warning"), HasSubstr("data_batch_1.bin"), HasSubstr("data_batch_5.bin"),
                            Not(HasSubstr("data_batch_2.bin"))));
  EXPECT_EQ((*images)->size(), 4);
  EXPECT_EQ((*images)->image(0)->label, 2);
  EXPECT_EQ((*images)->image(3)->label, 4);
  EXPECT_EQ((*images)->image(3)->pixels, std::vector<uint8_t>(3072, 40));
}

TEST_F(Cifar10Test, KeepsThePlanesInOrder) {
  std::string content = std::string(1, 9);
  for (int i = 0; i < 3072; ++i) content.push_back(static_cast<char>(i % 251));
  write("test_batch.bin", content);
  const auto images = read(Split::kTest, 1);
  ASSERT_TRUE(images.ok()) << images.status();
  const LabeledImage image = *(*images)->image(0);
  EXPECT_EQ(image.label, 9);
  for (int i = 0; i < 3072; ++i) ASSERT_EQ(image.pixels[i], i % 251);
}

TEST_F(Cifar10Test, FindsTheArchivesFolder) {
  std::filesystem::create_directories(dir_ + "/cifar-10-batches-bin");
  write("cifar-10-batches-bin/test_batch.bin", records(2, 1, 1));
  EXPECT_TRUE(read(Split::kTest).ok());
}

TEST_F(Cifar10Test, AMissingFolderOrFileIsAnErrorThatNamesIt) {
  EXPECT_THAT(read_cifar10({dir_ + "/nowhere"}).status().message(), HasSubstr("nowhere: no such folder"));
  EXPECT_THAT(read(Split::kTest).status().message(), AllOf(HasSubstr(dir_), HasSubstr("no test_batch.bin")));
  EXPECT_THAT(read(Split::kTrain).status().message(), HasSubstr("none of data_batch_1.bin"));
}

TEST_F(Cifar10Test, AShortFileIsAnErrorWithTheByteCounts) {
  const std::string file = write("test_batch.bin", records(2, 0, 0).substr(0, 6000));
  EXPECT_THAT(read(Split::kTest).status().message(),
              AllOf(HasSubstr(file), HasSubstr("expected 6146 bytes"), HasSubstr("found 6000")));
  write("test_batch.bin", "");
  EXPECT_THAT(read(Split::kTest).status().message(), HasSubstr("found 0"));
}

TEST_F(Cifar10Test, AnOverlongFileIsAnErrorWithTheByteCounts) {
  write("data_batch_1.bin", records(2, 0, 0) + "x");
  EXPECT_THAT(read(Split::kTrain).status().message(),
              AllOf(HasSubstr("data_batch_1.bin"), HasSubstr("expected 6146 bytes"), HasSubstr("found 6147")));
}

TEST_F(Cifar10Test, TheOfficialSizeIsTenThousandImages) {
  write("test_batch.bin", records(2, 0, 0));
  EXPECT_THAT(read_cifar10({dir_, Split::kTest}).status().message(), HasSubstr("expected 30730000 bytes"));
}

TEST_F(Cifar10Test, ALabelAboveNineIsAnErrorWithItsPlace) {
  write("test_batch.bin", records(1, 3, 0) + records(1, 10, 0));
  EXPECT_THAT(read(Split::kTest).status().message(),
              AllOf(HasSubstr("test_batch.bin"), HasSubstr("record 1 (at byte 3073) has the label 10")));
}

TEST_F(Cifar10Test, AFolderInAFilesPlaceIsAnError) {
  std::filesystem::create_directories(dir_ + "/test_batch.bin");
  EXPECT_FALSE(read(Split::kTest).ok());
}

TEST(Cifar10RealTest, TheRealFilesHaveAThousandImagesAClass) {
  const char* root = std::getenv("PARE_DATA");
  if (root == nullptr) GTEST_SKIP() << "PARE_DATA is not set: the real CIFAR-10 is not read";
  const std::string dir = absl::StrCat(root, "/cifar10");
  const auto test = read_cifar10({dir, Split::kTest});
  ASSERT_TRUE(test.ok()) << test.status();
  std::map<int64_t, int> counts;
  for (int64_t i = 0; i < (*test)->size(); ++i) ++counts[(*test)->image(i)->label];
  for (int64_t label = 0; label < 10; ++label) EXPECT_EQ(counts[label], 1000);
  const auto train = read_cifar10({dir, Split::kTrain});
  ASSERT_TRUE(train.ok()) << train.status();
  EXPECT_EQ((*train)->size() % 10000, 0);
  EXPECT_GE((*train)->size(), 10000);
}

}  // namespace
}  // namespace pare::data
