#include "data/image_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "data/image_writing_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string temporary(const std::string& name) { return absl::StrCat(::testing::TempDir(), "/", name); }

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

Picture gradient(int64_t height, int64_t width) {
  Picture picture{height, width, 3, {}};
  for (int64_t i = 0; i < height * width; ++i) {
    for (int c = 0; c < 3; ++c) picture.pixels.push_back(static_cast<uint8_t>(i * 7 + c * 50));
  }
  return picture;
}

TEST(ReadImageFileTest, APngComesBackAsItWas) {
  const Picture picture = gradient(5, 7);
  write_test_png(temporary("a.png"), picture);
  const auto read = read_image_file(temporary("a.png"), 3);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->height, 5);
  EXPECT_EQ(read->width, 7);
  EXPECT_EQ(read->pixels, picture.pixels);
  EXPECT_EQ(read_image_file(temporary("a.png"), 1)->pixels.size(), 35);
}

TEST(ReadImageFileTest, AJpegOfOneColourKeepsIt) {
  write_test_jpeg(temporary("a.jpg"), {16, 16, 3, std::vector<uint8_t>(768, 90)});
  const auto read = read_image_file(temporary("a.jpg"), 3);
  ASSERT_TRUE(read.ok()) << read.status();
  for (uint8_t value : read->pixels) EXPECT_NEAR(value, 90, 2);
}

TEST(ReadImageFileTest, CutOffFilesAreErrorsThatNameTheFile) {
  write_test_png(temporary("cut.png"), gradient(30, 40));
  write_test_jpeg(temporary("cut.jpg"), gradient(30, 40));
  for (const std::string& path : {temporary("cut.png"), temporary("cut.jpg")}) {
    const std::string whole = content_of(path);
    for (size_t size : {size_t{0}, size_t{1}, size_t{3}, size_t{20}, whole.size() / 2, whole.size() - 40}) {
      write(path, whole.substr(0, size));
      const auto read = read_image_file(path, 3);
      ASSERT_FALSE(read.ok()) << path << " of " << size << " bytes";
      EXPECT_THAT(read.status().message(), AllOf(HasSubstr(path), HasSubstr("cannot be read as PNG or JPEG")));
    }
  }
}

TEST(ReadImageFileTest, WhatIsNoPictureIsAnError) {
  write(temporary("text.png"), "this is no picture");
  EXPECT_THAT(read_image_file(temporary("text.png"), 3).status().message(), HasSubstr("text.png: cannot be read"));
  EXPECT_EQ(read_image_file(temporary("nowhere.png"), 3).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(read_image_file(::testing::TempDir(), 3).ok());
  EXPECT_THAT(read_image_file(temporary("text.png"), 4).status().message(), HasSubstr("4 channels"));
}

TEST(ReadImageFileTest, AHeaderThatPromisesTooMuchIsRefused) {
  write_test_png(temporary("huge.png"), gradient(2, 2));
  std::string content = content_of(temporary("huge.png"));
  for (size_t at : {17, 21}) content[at] = 0x7f;  // Of the width and the height: millions of pixels each.
  write(temporary("huge.png"), content);
  EXPECT_FALSE(read_image_file(temporary("huge.png"), 3).ok());
}

TEST(ReadImageFileTest, AHuffmanTableOfTooManyCodesIsRefused) {
  const std::string path = temporary("table.jpg");
  write_test_jpeg(path, gradient(8, 8));
  const std::string whole = content_of(path);
  const size_t table = whole.find("\xFF\xC4");
  ASSERT_NE(table, std::string::npos);
  std::string broken = whole;
  for (size_t length = 0; length < 16; ++length) broken[table + 5 + length] = '\xFF';
  write(path, broken);
  EXPECT_THAT(read_image_file(path, 3).status().message(), HasSubstr("more than 256 codes"));
  // In front of the pixels is not the only place, nor is FF D8 the only beginning, that the decoder takes.
  std::string later = whole;
  later.insert(later.size() - 2, std::string("\xFF\xC4\x01\x11\x00", 5) + std::string(16, '\xFF'));
  write(path, later);
  EXPECT_THAT(read_image_file(path, 3).status().message(), HasSubstr("more than 256 codes"));
  write(path, "\xFF" + broken);
  EXPECT_FALSE(read_image_file(path, 3).ok());
}

TEST(ResizeAndCropTest, TheSameSizeOnlySeparatesThePlanes) {
  const Picture picture{1, 2, 3, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(resize_and_crop(picture, 1, 2), (std::vector<uint8_t>{1, 4, 2, 5, 3, 6}));
}

TEST(ResizeAndCropTest, CutsOutTheCentre) {
  const Picture wide{1, 5, 1, {1, 2, 3, 4, 5}};
  EXPECT_EQ(resize_and_crop(wide, 1, 1), (std::vector<uint8_t>{3}));
  const Picture tall{4, 2, 1, {1, 2, 3, 4, 5, 6, 7, 8}};
  EXPECT_EQ(resize_and_crop(tall, 2, 2), (std::vector<uint8_t>{3, 4, 5, 6}));
}

TEST(ResizeAndCropTest, EnlargesBilinearly) {
  // Pixel centres of the result lie at -0.25, 0.25, 0.75 and 1.25 of the source.
  const Picture picture{2, 2, 1, {0, 100, 0, 100}};
  const std::vector<uint8_t> row = {0, 25, 75, 100};
  std::vector<uint8_t> expected;
  for (int i = 0; i < 4; ++i) expected.insert(expected.end(), row.begin(), row.end());
  EXPECT_EQ(resize_and_crop(picture, 4, 4), expected);
}

TEST(ResizeAndCropTest, AveragesWhenMakingSmaller) {
  Picture checkers{64, 64, 1, {}};
  for (int i = 0; i < 64 * 64; ++i) checkers.pixels.push_back((i / 64 + i) % 2 ? 200 : 0);
  for (uint8_t value : resize_and_crop(checkers, 8, 8)) EXPECT_NEAR(value, 100, 3);
}

}  // namespace
}  // namespace pare::data
