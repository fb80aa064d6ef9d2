#include "base/append_file.h"

#include <cstdio>
#include <filesystem>

#include "base/atomic_file.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

std::string fresh_path(const std::string& name) {
  const std::string path = std::string(::testing::TempDir()) + "/" + name;
  std::filesystem::remove(path);
  return path;
}

TEST(AppendFile, GrowsByRecordsAcrossPrograms) {
  const std::string path = fresh_path("log");
  {
    auto file = AppendFile::open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_FALSE(file->last_byte().has_value());
    EXPECT_TRUE(file->append("one\n").ok());
    EXPECT_EQ(read_file(path).value(), "one\n") << "before it is closed";
  }
  auto file = AppendFile::open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->last_byte(), '\n');
  EXPECT_TRUE(file->append(std::string("t\0wo", 4)).ok());
  EXPECT_EQ(read_file(path).value(), std::string("one\nt\0wo", 8));
}

TEST(AppendFile, SaysWhyItCannotBeOpened) {
  const std::string folder = ::testing::TempDir();
  EXPECT_EQ(AppendFile::open("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(AppendFile::open(folder).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(AppendFile::open(folder + "/no/such/folder").status().code(), absl::StatusCode::kNotFound);
}

TEST(AppendFile, AFullDiskIsAStatus) {
  auto file = AppendFile::open("/dev/full");
  if (!file.ok()) GTEST_SKIP() << "this system has no /dev/full";
  EXPECT_EQ(file->append("x").code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace pare
