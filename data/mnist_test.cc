#include "data/mnist.h"

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string word(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// Three images of 2 x 2 whose pixels count up.
std::string three_images() {
  std::string content = word(0x803) + word(3) + word(2) + word(2);
  for (char i = 0; i < 12; ++i) content.push_back(i);
  return content;
}

std::string three_labels() { return word(0x801) + word(3) + std::string{7, 0, 9}; }

class MnistTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ =
        absl::StrCat(::testing::TempDir(), "/mnist_", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }

  std::string path(const std::string& name) { return absl::StrCat(dir_, "/", name); }

  void write(const std::string& name, const std::string& content) {
    std::ofstream(path(name), std::ios::binary) << content;
  }

  void write_gzip(const std::string& name, const std::string& content) {
    gzFile file = gzopen(path(name).c_str(), "wb");
    ASSERT_EQ(gzwrite(file, content.data(), content.size()), static_cast<int>(content.size()));
    ASSERT_EQ(gzclose(file), Z_OK);
  }

  void write_set(const std::string& images, const std::string& labels) {
    write("train-images-idx3-ubyte", images);
    write("train-labels-idx1-ubyte", labels);
  }

  std::string message() { return std::string(read_mnist({dir_}).status().message()); }

  std::string dir_;
};

TEST_F(MnistTest, ReadsPlainFiles) {
  write_set(three_images(), three_labels());
  const auto images = read_mnist({dir_});
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ((*images)->size(), 3);
  EXPECT_EQ((*images)->shape(), (ImageShape{1, 2, 2}));
  EXPECT_EQ((*images)->image(1)->pixels, (std::vector<uint8_t>{4, 5, 6, 7}));
  EXPECT_EQ((*images)->image(0)->label, 7);
}

TEST_F(MnistTest, ReadsGzipFiles) {
  write_gzip("t10k-images-idx3-ubyte.gz", three_images());
  write_gzip("t10k-labels-idx1-ubyte.gz", three_labels());
  const auto images = read_mnist({dir_, Split::kTest});
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ((*images)->image(2)->pixels, (std::vector<uint8_t>{8, 9, 10, 11}));
  EXPECT_EQ((*images)->image(2)->label, 9);
}

TEST_F(MnistTest, MissingFolderAndFilesAreNamed) {
  EXPECT_THAT(read_mnist({dir_ + "/nowhere"}).status().message(), HasSubstr("nowhere: no such folder"));
  EXPECT_THAT(message(), HasSubstr("holds neither train-images-idx3-ubyte nor"));
  write("train-images-idx3-ubyte", three_images());
  EXPECT_THAT(message(), HasSubstr("holds neither train-labels-idx1-ubyte nor"));
}

TEST_F(MnistTest, AWrongMagicNumberIsAnError) {
  write_set(three_labels() + std::string(20, 0), three_labels());
  EXPECT_THAT(message(), AllOf(HasSubstr("train-images-idx3-ubyte"), HasSubstr("0x00000803"), HasSubstr("0x00000801")));
}

TEST_F(MnistTest, CutOffFilesAreErrors) {
  write_set(three_images().substr(0, 10), three_labels());
  EXPECT_THAT(message(), HasSubstr("expected an IDX header of 16 bytes, found 10"));
  write_set("", three_labels());
  EXPECT_THAT(message(), HasSubstr("found 0"));
  write_set(three_images().substr(0, 20), three_labels());
  EXPECT_THAT(message(), HasSubstr("says 12 bytes follow, found 4"));
}

TEST_F(MnistTest, AnOverlongFileIsAnError) {
  write_set(three_images() + "x", three_labels());
  EXPECT_THAT(message(), HasSubstr("says 12 bytes follow, found more"));
}

TEST_F(MnistTest, CutOffOrBrokenCompressionIsAnError) {
  std::string pixels = word(0x803) + word(3) + word(100) + word(100);
  for (uint32_t i = 0; i < 30000; ++i) pixels.push_back(static_cast<char>(i * i * 7 + i / 13));
  write_gzip("train-images-idx3-ubyte.gz", pixels);
  write("train-labels-idx1-ubyte", three_labels());
  ASSERT_TRUE(read_mnist({dir_}).ok());
  const std::string file = path("train-images-idx3-ubyte.gz");
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_THAT(message(), AllOf(HasSubstr(file), HasSubstr("cut off")));

  write_gzip("train-images-idx3-ubyte.gz", pixels);
  std::ifstream in(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  in.close();
  for (size_t i = 200; i < 260; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  write("train-images-idx3-ubyte.gz", bytes);
  EXPECT_THAT(message(), HasSubstr(file));
}

TEST_F(MnistTest, DimensionsBeyondReasonAreErrors) {
  write_set(word(0x803) + word(0) + word(2) + word(2), three_labels());
  EXPECT_THAT(message(), HasSubstr("dimension 0 is 0"));
  write_set(word(0x803) + word(0xffffffff) + word(0xffffffff) + word(0xffffffff), three_labels());
  EXPECT_THAT(message(), HasSubstr("which no such data set has"));
}

TEST_F(MnistTest, CountsMustMatchAndLabelsMustBeDigits) {
  write_set(three_images(), word(0x801) + word(2) + std::string{1, 2});
  EXPECT_THAT(message(), AllOf(HasSubstr("has 3 images"), HasSubstr("has 2 labels")));
  write_set(three_images(), word(0x801) + word(3) + std::string{1, 10, 2});
  EXPECT_THAT(message(), AllOf(HasSubstr("train-labels"), HasSubstr("image 1 has the label 10")));
}

TEST_F(MnistTest, AFolderInAFilesPlaceIsAnError) {
  std::filesystem::create_directories(path("train-images-idx3-ubyte"));
  write("train-labels-idx1-ubyte", three_labels());
  EXPECT_THAT(message(), HasSubstr("is a folder"));
}

TEST(MnistRealTest, TheRealFilesHaveTheKnownCounts) {
  const char* root = std::getenv("PARE_DATA");
  if (root == nullptr) GTEST_SKIP() << "PARE_DATA is not set: the real MNIST is not read";
  const auto train = read_mnist({absl::StrCat(root, "/mnist"), Split::kTrain});
  const auto test = read_mnist({absl::StrCat(root, "/mnist"), Split::kTest});
  ASSERT_TRUE(train.ok()) << train.status();
  ASSERT_TRUE(test.ok()) << test.status();
  EXPECT_EQ((*train)->size(), 60000);
  EXPECT_EQ((*test)->size(), 10000);
  EXPECT_EQ((*test)->shape(), (ImageShape{1, 28, 28}));
  // The first digits of both files, as every picture of the set shows them.
  EXPECT_EQ((*train)->image(0)->label, 5);
  EXPECT_EQ((*test)->image(0)->label, 7);
}

}  // namespace
}  // namespace pare::data
