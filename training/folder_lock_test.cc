#include "training/folder_lock.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "training/testing.h"

namespace pare::training {
namespace {

using ::testing::HasSubstr;

TEST(FolderLock, LetsOneTrainingIn) {
  const std::string folder = make_test_folder();
  std::optional<FolderLock> first;
  {
    auto lock = FolderLock::acquire(folder);
    ASSERT_TRUE(lock.ok()) << lock.status();
    first.emplace(*std::move(lock));
  }
  const absl::Status refused = FolderLock::acquire(folder).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(folder));
  EXPECT_TRUE(FolderLock::acquire(make_test_folder()).ok());
  first.reset();
  EXPECT_TRUE(FolderLock::acquire(folder).ok());
}

TEST(FolderLock, GoesWithAProcessThatIsKilled) {
  const std::string folder = make_test_folder();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = FolderLock::acquire(folder);
    const char is_locked = lock.ok() ? 'y' : 'n';
    if (write(ready[1], &is_locked, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char is_locked = 'n';
  ASSERT_EQ(read(ready[0], &is_locked, 1), 1);
  EXPECT_EQ(is_locked, 'y');
  EXPECT_EQ(FolderLock::acquire(folder).status().code(), absl::StatusCode::kFailedPrecondition);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FolderLock::acquire(folder).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST(FolderLock, AFolderThatIsNotThereIsNotLocked) {
  EXPECT_EQ(FolderLock::acquire(make_test_folder() + "/gone").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pare::training
