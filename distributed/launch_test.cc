#include "distributed/launch.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

LaunchOptions shell(int processes, const std::string& script) {
  return {.command = {"sh", "-c", script}, .processes = processes, .grace = std::chrono::seconds(5)};
}

TEST(Launch, TellsEachWhoItIs) {
  const std::string out = make_test_folder();
  unsetenv("OMP_NUM_THREADS");
  const absl::StatusOr<int> code =
      launch(shell(3, absl::StrCat("echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR > ", out,
                                   "/$RANK; test $MASTER_PORT -gt 0 && test $OMP_NUM_THREADS -ge 1")));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(content(absl::StrCat(out, "/", i)), absl::StrCat(i, " 3 ", i, " 3 127.0.0.1\n"));
  }
}

TEST(Launch, CountsRanksOverMachines) {
  const std::string out = make_test_folder();
  LaunchOptions options =
      shell(2, absl::StrCat("echo $RANK $WORLD_SIZE $LOCAL_RANK $MASTER_ADDR $MASTER_PORT > ", out, "/$RANK"));
  options.machines = 3;
  options.machine = 1;
  options.address = "node0";
  options.port = 1234;
  const absl::StatusOr<int> code = launch(options);
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(content(out + "/2"), "2 6 0 node0 1234\n");
  EXPECT_EQ(content(out + "/3"), "3 6 1 node0 1234\n");
}

TEST(Launch, OneThatFailsTakesTheOthersWithIt) {
  ::testing::internal::CaptureStderr();
  const absl::StatusOr<int> code = launch(shell(3, "test $RANK = 1 && exit 7; sleep 1000 & wait"));
  const std::string log = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 7);
  EXPECT_THAT(log, HasSubstr("process 1 of 3"));
  EXPECT_THAT(log, HasSubstr("exit code 7; the others are ended"));
}

TEST(Launch, OneThatIsKilledTakesTheOthersWithItThoughTheyDoNotListen) {
  LaunchOptions options = shell(2, "trap '' TERM; test $RANK = 0 && kill -9 $$; while true; do sleep 0.1; done");
  options.grace = std::chrono::milliseconds(300);
  ::testing::internal::CaptureStderr();
  const absl::StatusOr<int> code = launch(options);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("signal 9 (Killed)"));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 137);
}

TEST(Launch, AnInterruptedProcessLeavesTheOthersTheirTime) {
  const std::string out = make_test_folder();
  LaunchOptions options = shell(2, absl::StrCat("trap 'exit 7' TERM; test $RANK = 1 && exit 130; sleep 1; echo done > ",
                                                out, "/saved; exit 130"));
  options.grace = std::chrono::milliseconds(1);
  const absl::StatusOr<int> code = launch(options);
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 130);
  EXPECT_EQ(content(out + "/saved"), "done\n");
}

TEST(Launch, EndsWhatAProcessHasStarted) {
  const std::string out = make_test_folder();
  const absl::StatusOr<int> code = launch(shell(
      2, absl::StrCat("if [ $RANK = 0 ]; then sh -c 'echo $$ > ", out,
                      "/pid; exec sleep 1000' & wait; fi; while [ ! -s ", out, "/pid ]; do sleep 0.05; done; exit 3")));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 3);
  const int pid = std::stoi(content(out + "/pid"));
  // Its parent is gone: it is the system's to bury, which takes a moment.
  while (kill(pid, 0) == 0 && content(absl::StrCat("/proc/", pid, "/stat")).find(") Z") == std::string::npos)
    usleep(1000);
}

TEST(Launch, CountsOnNobodyToHaveLeftItsChildrenAlone) {
  const auto before = signal(SIGCHLD, SIG_IGN);
  const absl::StatusOr<int> code = launch(shell(2, "exit $RANK"));
  signal(SIGCHLD, before);
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 1);
}

TEST(Launch, HandsASignalOnOnce) {
  const std::string out = make_test_folder();
  // The shell is told in the middle of a wait, writes that it was, and takes a while to end.
  const std::string script = absl::StrCat("trap 'echo told >> ", out, "/$RANK; sleep 0.5; exit 130' INT; echo > ", out,
                                          "/ready$RANK; while true; do sleep 0.05; done");
  std::thread interrupter([&] {
    while (content(out + "/ready0").empty() || content(out + "/ready1").empty()) usleep(1000);
    kill(getpid(), SIGINT);
  });
  const absl::StatusOr<int> code = launch(shell(2, script));
  interrupter.join();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 130);
  EXPECT_EQ(content(out + "/0"), "told\n");
  EXPECT_EQ(content(out + "/1"), "told\n");
}

TEST(Launch, IsNotEndedByASignalThatALibrarysThreadIsGiven) {
  // A thread that blocks no signal, and a signal while the processes are being started: nobody waits for one then.
  const std::string out = make_test_folder();
  std::atomic<bool> is_over = false;
  std::thread librarys([&] {
    while (!is_over) usleep(1000);
  });
  std::thread interrupter([&] {
    while (content(out + "/ready0").empty()) usleep(100);
    pthread_kill(librarys.native_handle(), SIGINT);
  });
  const absl::StatusOr<int> code = launch(
      shell(16, absl::StrCat("trap 'exit 130' INT; echo > ", out, "/ready$RANK; while true; do sleep 0.05; done")));
  interrupter.join();
  is_over = true;
  librarys.join();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 130);
}

TEST(Launch, RefusesWhatCannotBe) {
  EXPECT_EQ(launch({.command = {}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(launch({.command = {"true"}, .processes = 0}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(launch({.command = {"true"}, .machines = 2}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(launch({.command = {"true"}, .machines = 2, .machine = 2, .port = 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status missing = launch({.command = {"no_such_program_anywhere"}, .processes = 2}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("cannot start no_such_program_anywhere"));
}

}  // namespace
}  // namespace pare
