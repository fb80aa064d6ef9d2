// `pare launch -- train`, as a user calls it: files and answers of one process, processes that are killed or told to
// stop, and trainings that another number of processes goes on with.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/test_folder.h"
#include "distributed/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int64_t lines_of(const std::string& path) {
  const std::string text = content(path);
  return std::count(text.begin(), text.end(), '\n');
}

class Launch : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const absl::Status available = processes_are_available(); absl::IsUnimplemented(available)) {
      GTEST_SKIP() << available.message();
    }
    folder_ = make_test_folder();
    std::ofstream(folder_ + "/config.json")
        << R"({"compression": {"algorithm": "magnitude_sparsity", "params": {"sparsity_target": 0.5,
               "sparsity_target_epoch": 1}}})";
  }

  // Starts it; its output goes to files.
  pid_t start(int processes, const std::vector<std::string>& more) {
    std::vector<std::string> words = {
        absl::StrCat(std::getenv("TEST_SRCDIR"), "/", std::getenv("TEST_WORKSPACE"), "/tools/pare"),
        "launch",
        absl::StrCat("--nproc=", processes),
        "--",
        "train",
        "--config=" + folder_ + "/config.json",
        "--model=mlp",
        "--dataset=procedural",
        "--train_samples=480",
        "--limit=100",
        "--batch_size=16",
        "--output_dir=" + folder_ + "/out",
        "--process_timeout_seconds=30"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      setenv("OMP_NUM_THREADS", "1", 1);
      dup2(open((folder_ + "/stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), 1);
      dup2(open((folder_ + "/stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), 2);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    return child;
  }

  static int exit_code(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string said() const { return content(folder_ + "/stderr"); }

  // The process of this rank that `launcher` has started.
  static pid_t process_of(pid_t launcher, int rank) {
    DIR* const folder = opendir("/proc");
    pid_t found = 0;
    for (const dirent* entry = readdir(folder); entry != nullptr; entry = readdir(folder)) {
      int pid = 0;
      if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
      const std::string status = content(absl::StrCat("/proc/", pid, "/status"));
      if (status.find(absl::StrCat("\nPPid:\t", launcher, "\n")) == std::string::npos) continue;
      const std::string environment = '\0' + content(absl::StrCat("/proc/", pid, "/environ"));
      if (environment.find(std::string(1, '\0') + absl::StrCat("RANK=", rank) + '\0') != std::string::npos) found = pid;
    }
    closedir(folder);
    return found;
  }

  // Of a training that nothing has broken, with the same flags: its loss in the end.
  double unbroken_loss(const std::vector<std::string>& flags) {
    std::vector<std::string> more = flags;
    more.insert(more.end(), {"--json", "--output_dir=" + folder_ + "/unbroken"});
    EXPECT_EQ(exit_code(start(2, more)), 0) << said();
    return answer()["trained"]["loss"];
  }

  nlohmann::json answer() const { return nlohmann::json::parse(content(folder_ + "/stdout"), nullptr, false); }

  // Until so many epochs have ended, or nobody lives who could end one.
  void wait_for_epochs(pid_t launcher, int64_t epochs) const {
    // Looks whether it has ended, and leaves its exit code to the test.
    siginfo_t ended = {};
    while (lines_of(folder_ + "/out/metrics.jsonl") < epochs && ended.si_pid == 0 &&
           waitid(P_PID, static_cast<id_t>(launcher), &ended, WEXITED | WNOHANG | WNOWAIT) == 0) {
      usleep(2000);
    }
  }

  std::string folder_;
};

TEST_F(Launch, OneAnswersForAll) {
  ASSERT_EQ(exit_code(start(2, {"--epochs=2", "--json"})), 0) << said();
  const nlohmann::json results = nlohmann::json::parse(content(folder_ + "/stdout"), nullptr, false);
  ASSERT_TRUE(results.is_object()) << "two have answered: " << content(folder_ + "/stdout");
  EXPECT_EQ(results["processes"], 2);
  EXPECT_EQ(results["steps"], 60);
  EXPECT_EQ(results["trained"]["total"], 100);
  EXPECT_EQ(results["exported"]["total"], 100);
  EXPECT_EQ(results["train_images"], 480);
  EXPECT_EQ(lines_of(folder_ + "/out/metrics.jsonl"), 2);
  EXPECT_THAT(said(), HasSubstr("training in 2 processes"));
  EXPECT_FALSE(content(folder_ + "/out/model.onnx").empty());
}

// Any of them: process 0 writes the files, and the others met through it.
TEST_F(Launch, OneThatIsKilledEndsTheOthersAndAnyNumberGoesOn) {
  const std::vector<std::string> flags = {"--epochs=8"};
  const double expected = unbroken_loss(flags);
  for (const int killed : {1, 0}) {
    const pid_t launcher = start(2, killed == 1 ? flags : std::vector<std::string>{"--epochs=8", "--resume"});
    wait_for_epochs(launcher, killed == 1 ? 1 : 3);
    const pid_t process = process_of(launcher, killed);
    ASSERT_GT(process, 0) << said();
    ASSERT_EQ(kill(process, SIGKILL), 0);
    EXPECT_EQ(exit_code(launcher), 1);
    EXPECT_THAT(said(), HasSubstr(absl::StrCat("process ", killed, " of 2")));
    EXPECT_THAT(said(), HasSubstr("signal 9"));
  }
  // Three processes go on to the same end as two would have.
  ASSERT_EQ(exit_code(start(3, {"--resume", "--epochs=8", "--json"})), 0) << said();
  EXPECT_THAT(said(), HasSubstr("going on from"));
  EXPECT_THAT(said(), HasSubstr("processes was 2 and is 3 now"));
  EXPECT_EQ(answer()["steps"], 8 * 30);
  EXPECT_NEAR(answer()["trained"]["loss"], expected, 1e-3 * expected);
  EXPECT_EQ(lines_of(folder_ + "/out/metrics.jsonl"), 8);
}

TEST_F(Launch, ASignalStopsAllAfterTheSameStepAndOneGoesOn) {
  const double expected = unbroken_loss({"--epochs=8"});
  // To one of them, and to the launcher: both stop all.
  for (const bool to_launcher : {false, true}) {
    const pid_t launcher = start(
        2, to_launcher ? std::vector<std::string>{"--epochs=8", "--resume"} : std::vector<std::string>{"--epochs=8"});
    wait_for_epochs(launcher, to_launcher ? 3 : 1);
    const pid_t told = to_launcher ? launcher : process_of(launcher, 0);
    ASSERT_GT(told, 0) << said();
    ASSERT_EQ(kill(told, SIGTERM), 0);
    EXPECT_EQ(exit_code(launcher), 130) << said();
    EXPECT_THAT(said(), HasSubstr("resume to go on from there"));
    EXPECT_THAT(said(), Not(HasSubstr("has ended, or did not answer")));
  }
  ASSERT_EQ(exit_code(start(1, {"--resume", "--epochs=8", "--json"})), 0) << said();
  EXPECT_EQ(answer()["steps"], 8 * 30);
  EXPECT_NEAR(answer()["trained"]["loss"], expected, 1e-3 * expected);
}

TEST_F(Launch, OneThatIsStuckEndsTheOthersWithinTheTimeout) {
  const pid_t launcher = start(2, {"--epochs=8", "--process_timeout_seconds=3"});
  wait_for_epochs(launcher, 1);
  const pid_t stuck = process_of(launcher, 1);
  ASSERT_GT(stuck, 0) << said();
  ASSERT_EQ(kill(stuck, SIGSTOP), 0);
  EXPECT_EQ(exit_code(launcher), 1);
  EXPECT_THAT(said(), HasSubstr("did not answer within 3s"));
}

TEST_F(Launch, AMistakeOfOneIsAnErrorOfAll) {
  EXPECT_EQ(exit_code(start(2, {"--epochs=1", "--model=no_such_model"})), 1);
  EXPECT_THAT(said(), HasSubstr("no_such_model"));
}

}  // namespace
}  // namespace pare::tests
