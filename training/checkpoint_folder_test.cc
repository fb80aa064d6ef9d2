#include "training/checkpoint_folder.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "training/output_folder.h"
#include "training/testing.h"

namespace pare::training {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointFolderTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  Checkpoint of_step(int64_t step) const {
    Checkpoint checkpoint = capture(algorithm_);
    checkpoint.global_step = step;
    return checkpoint;
  }

  // Saves those of steps 5, 10, ..., `last`, all by one run.
  void save_until(int64_t last, int64_t keep) const {
    CheckpointFolder folder(folder_, keep);
    for (int64_t step = 5; step <= last; step += 5) ASSERT_TRUE(folder.save(of_step(step)).ok());
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const std::string& file : resumable_checkpoints(folder_)) {
      names.push_back(std::filesystem::path(file).filename());
    }
    return names;
  }

  void damage(const std::string& name, size_t at) const {
    std::string bytes = read_file(path(name)).value();
    bytes[at] ^= 16;
    // By its name alone: a second name of the file is of the same bytes.
    std::filesystem::remove(path(name));
    ASSERT_TRUE(write_file_atomically(path(name), bytes).ok());
  }
  void truncate(const std::string& name, size_t size) const {
    const std::string bytes = read_file(path(name)).value();
    std::filesystem::remove(path(name));
    ASSERT_TRUE(write_file_atomically(path(name), bytes.substr(0, size)).ok());
  }

  const std::string folder_ = make_test_folder();
  const CompressionAlgorithm algorithm_{testing::make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}}};
};

TEST_F(CheckpointFolderTest, TheLastOnesAreKept) {
  save_until(20, 3);
  EXPECT_THAT(names(), ElementsAre("last.checkpoint", "step_00000015.checkpoint", "step_00000010.checkpoint"));
  EXPECT_EQ(load_checkpoint(path("last.checkpoint"))->global_step, 20);
  EXPECT_EQ(load_checkpoint(path("step_00000015.checkpoint"))->global_step, 15);
  // Another run, which keeps fewer: the older ones go once a new one is there.
  CheckpointFolder fewer(folder_, 1);
  ASSERT_EQ(fewer.load_newest()->checkpoint.global_step, 20);
  EXPECT_EQ(names().size(), 3u);
  ASSERT_TRUE(fewer.save(of_step(25)).ok());
  EXPECT_THAT(names(), ElementsAre("last.checkpoint"));
}

TEST_F(CheckpointFolderTest, OneOfTheSameStepTakesItsPlace) {
  CheckpointFolder folder(folder_, 2);
  for (const int64_t step : {5, 10, 10, 10}) ASSERT_TRUE(folder.save(of_step(step)).ok());
  EXPECT_THAT(names(), ElementsAre("last.checkpoint", "step_00000005.checkpoint"));
}

TEST_F(CheckpointFolderTest, ADamagedOneIsPassedOver) {
  save_until(20, 4);
  struct stat status;
  ASSERT_EQ(stat(path("last.checkpoint").c_str(), &status), 0);
  damage("last.checkpoint", static_cast<size_t>(status.st_size) / 2);
  truncate("step_00000015.checkpoint", 1000);
  ::testing::internal::CaptureStderr();
  CheckpointFolder folder(folder_, 4);
  const auto found = folder.load_newest();
  const std::string log = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->path, path("step_00000010.checkpoint"));
  EXPECT_EQ(found->checkpoint.global_step, 10);
  EXPECT_THAT(log, AllOf(HasSubstr(path("last.checkpoint") + " is damaged"),
                         HasSubstr(path("step_00000015.checkpoint") + " is truncated: 972 bytes"),
                         HasSubstr("goes on from " + path("step_00000010.checkpoint"))));
  // The next one takes the damaged one's place, which is not kept; what was found damaged goes.
  ASSERT_TRUE(folder.save(of_step(12)).ok());
  EXPECT_THAT(names(), ElementsAre("last.checkpoint", "step_00000010.checkpoint", "step_00000005.checkpoint"));
  EXPECT_EQ(load_checkpoint(path("last.checkpoint"))->global_step, 12);
}

TEST_F(CheckpointFolderTest, EachKindOfDamageIsFoundOut) {
  save_until(10, 2);
  const std::string good = read_file(path("last.checkpoint")).value();
  std::vector<std::string> bad = {"", "PARE", "something else altogether", good + "x"};
  for (const size_t size : {size_t{8}, size_t{27}, size_t{28}, good.size() / 3, good.size() - 1}) {
    bad.push_back(good.substr(0, size));
  }
  // Every bit of the header, the version's included, and bits all over the rest.
  for (size_t bit = 0; bit < good.size() * 8; bit += bit < 28 * 8 ? 1 : good.size() / 3 + 1) {
    bad.push_back(good);
    bad.back()[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
  ASSERT_GT(bad.size(), 28u * 8 + 20);
  ::testing::internal::CaptureStderr();
  for (size_t i = 0; i < bad.size(); ++i) {
    std::filesystem::remove(path("last.checkpoint"));
    ASSERT_TRUE(write_file_atomically(path("last.checkpoint"), bad[i]).ok());
    const auto found = CheckpointFolder(folder_, 2).load_newest();
    ASSERT_TRUE(found.ok()) << i << ": " << found.status();
    EXPECT_EQ(found->checkpoint.global_step, 5) << i;
  }
  ::testing::internal::GetCapturedStderr();
}

TEST_F(CheckpointFolderTest, WithNoneWholeAllAreNamed) {
  EXPECT_EQ(CheckpointFolder(folder_, 2).load_newest().status().code(), absl::StatusCode::kNotFound);
  save_until(10, 2);
  truncate("last.checkpoint", 0);
  damage("step_00000005.checkpoint", 100);
  const absl::Status status = CheckpointFolder(folder_, 2).load_newest().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(path("last.checkpoint") + " is empty"),
                                                   HasSubstr(path("step_00000005.checkpoint") + " is damaged")));
}

TEST_F(CheckpointFolderTest, WithoutTheLastTheNewestKeptIsTaken) {
  save_until(15, 3);
  std::filesystem::remove(path("last.checkpoint"));
  EXPECT_EQ(CheckpointFolder(folder_, 3).load_newest()->checkpoint.global_step, 10);
}

TEST_F(CheckpointFolderTest, WhatCannotBeWrittenLeavesTheLastAsItWas) {
  CheckpointFolder folder(folder_, 2);
  ASSERT_TRUE(folder.save(of_step(5)).ok());
  Checkpoint unwritable = of_step(10);
  unwritable.config = std::string("no UTF-8: \xff");
  const absl::Status status = folder.save(unwritable);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("from after step 5, is as it was")));
  EXPECT_EQ(CheckpointFolder(folder_, 2).load_newest()->checkpoint.global_step, 5);
}

TEST_F(CheckpointFolderTest, AFreshTrainingRemovesThemAll) {
  save_until(20, 4);
  ASSERT_TRUE(save_checkpoint(of_step(20), path("best.checkpoint")).ok());
  ASSERT_TRUE(write_file_atomically(path("notes.txt"), "mine").ok());
  ASSERT_TRUE(remove_checkpoints(folder_).ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "notes.txt";
}

}  // namespace
}  // namespace pare::training
