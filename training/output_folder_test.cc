#include "training/output_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/test_folder.h"

namespace pare::training {
namespace {

TEST(MakeOutputFolder, MakesItAndFindsItAgain) {
  const std::string path = make_test_folder() + "/out";
  EXPECT_TRUE(make_output_folder(path).ok());
  struct stat found;
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_TRUE(S_ISDIR(found.st_mode));
  EXPECT_TRUE(make_output_folder(path).ok());
}

TEST(MakeOutputFolder, RefusesWhereItCannotBe) {
  const std::string folder = make_test_folder();
  EXPECT_EQ(make_output_folder(folder + "/no/parent").code(), absl::StatusCode::kNotFound);
  const std::string file = folder + "/file";
  std::ofstream(file) << "x";
  EXPECT_EQ(make_output_folder(file).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(make_output_folder(file + "/below").code(), absl::StatusCode::kNotFound);
}

TEST(CheckWritable, SaysWhetherAFileCanBeMade) {
  const std::string folder = make_test_folder();
  EXPECT_TRUE(check_writable(folder).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(check_writable(folder + "/none").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(check_writable("/proc/self").ok());
}

TEST(RemoveCheckpoints, TakesAwayThoseAndNothingElse) {
  const std::string folder = make_test_folder();
  EXPECT_TRUE(remove_checkpoints(folder).ok());
  EXPECT_TRUE(remove_checkpoints(folder + "/none").ok());
  for (const char* name : {"/last.checkpoint", "/best.checkpoint", "/model.onnx"}) std::ofstream(folder + name) << "x";
  EXPECT_TRUE(remove_checkpoints(folder).ok());
  EXPECT_FALSE(std::filesystem::exists(folder + "/last.checkpoint"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/best.checkpoint"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/model.onnx"));
}

}  // namespace
}  // namespace pare::training
