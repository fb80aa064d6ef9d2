#include "base/atomic_file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

class AtomicFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {})); }
  std::string folder_;
};

TEST_F(AtomicFile, WritesAndReplaces) {
  const std::string path = folder_ + "/a";
  ASSERT_TRUE(write_file_atomically(path, std::string("one\0two", 7)).ok());
  EXPECT_EQ(*read_file(path), std::string("one\0two", 7));
  ASSERT_TRUE(write_file_atomically(path, "").ok());
  EXPECT_EQ(*read_file(path), "");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFile, AFailingWriterLeavesTheOldFileAndNothingElse) {
  const std::string path = folder_ + "/a";
  ASSERT_TRUE(write_file_atomically(path, "old").ok());
  const absl::Status status = write_file_atomically(path, [](const std::string& temporary) {
    std::ofstream(temporary) << "half";
    return absl::DataLossError("stopped");
  });
  EXPECT_EQ(status, absl::DataLossError("stopped"));
  EXPECT_EQ(*read_file(path), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFile, AMissingFolderIsNotFound) {
  const absl::Status status = write_file_atomically(folder_ + "/none/a", "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/none/a"));
}

TEST_F(AtomicFile, AFolderOrADeviceIsNotReplaced) {
  EXPECT_EQ(write_file_atomically(folder_, "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(write_file_atomically("/dev/null", "x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(write_file_atomically("", "x").ok());
}

TEST_F(AtomicFile, ASymbolicLinkIsFollowedAndStays) {
  const std::string path = folder_ + "/real", link = folder_ + "/link", dangling = folder_ + "/dangling";
  ASSERT_TRUE(write_file_atomically(path, "old").ok());
  std::filesystem::create_symlink("real", link);
  ASSERT_TRUE(write_file_atomically(link, "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(*read_file(path), "new");
  std::filesystem::create_symlink("later", dangling);
  ASSERT_TRUE(write_file_atomically(dangling, "x").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(dangling));
  EXPECT_EQ(*read_file(folder_ + "/later"), "x");
  EXPECT_EQ(files(), 4);
}

TEST_F(AtomicFile, AFolderThatCannotBeFlushedIsNoError) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads every folder";
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_write | std::filesystem::perms::owner_exec);
  EXPECT_TRUE(write_file_atomically(folder_ + "/a", "x").ok());
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
  EXPECT_EQ(*read_file(folder_ + "/a"), "x");
}

TEST_F(AtomicFile, ReadingWhatIsNotThere) {
  EXPECT_EQ(read_file(folder_ + "/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(read_file(folder_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(AtomicFile, PartialFilesOfTheDeadAreRemoved) {
  const auto make = [&](const std::string& name) { std::ofstream(folder_ + "/" + name) << "half"; };
  const pid_t dead = fork();
  ASSERT_GE(dead, 0);
  if (dead == 0) _exit(0);
  ASSERT_EQ(waitpid(dead, nullptr, 0), dead);
  const std::string of_dead = "." + std::to_string(dead);
  make("last.checkpoint" + of_dead + ".0.partial");
  make("best.checkpoint" + of_dead + ".12.partial");
  // Of this process's number, by an earlier process; of a living one; and others' files.
  make("last.checkpoint." + std::to_string(getpid()) + ".7.partial");
  make("last.checkpoint." + std::to_string(getppid()) + ".0.partial");
  for (const char* name : {"last.checkpoint", "a.partial", "a.b.0.partial", "a.5.partial", ".partial"}) make(name);
  make("notes" + of_dead + ".0.partial.txt");
  EXPECT_EQ(remove_partial_files(folder_), 3);
  std::vector<std::string> left;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) left.push_back(file.path().filename());
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("last.checkpoint." + std::to_string(getppid()) + ".0.partial",
                                                    "last.checkpoint", "a.partial", "a.b.0.partial", "a.5.partial",
                                                    ".partial", "notes" + of_dead + ".0.partial.txt"));
  EXPECT_EQ(remove_partial_files(folder_ + "/none"), 0);
}

}  // namespace
}  // namespace pare
