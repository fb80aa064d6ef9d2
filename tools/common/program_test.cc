#include "tools/common/program.h"

#include <signal.h>
#include <stdlib.h>

#include <filesystem>

#include "gtest/gtest.h"

namespace pare::tools {
namespace {

TEST(Program, SurvivesTheSignalOfAFileSizeLimit) {
  start_program();
  raise(SIGXFSZ);
}

TEST(Program, GoesBackToWhereTheUserStands) {
  const std::filesystem::path before = std::filesystem::current_path();
  unsetenv("BUILD_WORKING_DIRECTORY");
  return_to_users_folder();
  EXPECT_EQ(std::filesystem::current_path(), before);
  const std::filesystem::path there = std::filesystem::canonical(::testing::TempDir());
  setenv("BUILD_WORKING_DIRECTORY", there.c_str(), 1);
  return_to_users_folder();
  EXPECT_EQ(std::filesystem::current_path(), there);
  setenv("BUILD_WORKING_DIRECTORY", "/nowhere", 1);
  return_to_users_folder();
  EXPECT_EQ(std::filesystem::current_path(), there);
  unsetenv("BUILD_WORKING_DIRECTORY");
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace pare::tools
