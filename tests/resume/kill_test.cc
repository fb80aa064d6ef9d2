// Trainings that are killed (SIGKILL) at random moments, again and again, and resumed each time: they end with the very
// same bits as one that was never killed, and with metrics of each epoch once.
//
// A training is a process of its own. Most kills come at random times, others as soon as a file is being written. The
// seed is printed; PARE_KILL_SEED=<seed> takes it again, though moments depend on the machine as well.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "nlohmann/json.hpp"
#include "tests/resume/method_cases.h"
#include "training/checkpoint_folder.h"

namespace pare {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr int kRandomKills = 50, kKillsInWrites = 10;

// The process that trains `folder`'s training to its end, from where it is, and writes down what came out.
[[noreturn]] void train_and_exit(const MethodCase& each, const std::string& folder) {
  at::set_num_threads(1);
  set_quiet(true);
  const std::unique_ptr<CaseTraining> training =
      make_training(each, {.resumes = !training::resumable_checkpoints(folder).empty()});
  training::TrainOptions options = options_for(each);
  options.output_dir = folder;
  options.resume = true;
  options.checkpoint_every_steps = 2;
  absl::Status status = run_training(*training, options);
  if (status.ok()) {
    std::string bits;
    for (const auto& [name, value] : bits_of(*training->algorithm)) absl::StrAppend(&bits, name, "=", value, "\n");
    status = write_file_atomically(absl::StrCat(folder, "/final.bits"), bits);
  }
  if (!status.ok()) std::cerr << each.name << ": " << status << std::endl;
  // Without destructors: the parent's are not this process's to run.
  _exit(status.ok() ? 0 : 1);
}

pid_t start(const MethodCase& each, const std::string& folder) {
  const pid_t process = fork();
  if (process == 0) train_and_exit(each, folder);
  return process;
}

// Whether it ended by itself, and well; false: it was killed. Anything else fails the test.
bool has_ended(pid_t process) {
  int status = 0;
  EXPECT_EQ(waitpid(process, &status, 0), process);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the training failed: status " << status;
  return true;
}

bool has_partial_file(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    if (absl::EndsWith(file->path().string(), ".partial")) return true;
  }
  return false;
}

// The lines of metrics.jsonl without what depends on the clock.
std::vector<nlohmann::json> metrics_in(const std::string& folder) {
  std::vector<nlohmann::json> lines;
  const std::string text = read_file(folder + "/metrics.jsonl").value_or("");
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false));
    lines.back().erase("seconds");
    lines.back().erase("data_seconds");
  }
  return lines;
}

class Kill : public ::testing::Test {
 protected:
  Kill() {
    const char* given = std::getenv("PARE_KILL_SEED");
    seed_ = given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device()();
    random_.seed(seed_);
    std::cout << "PARE_KILL_SEED=" << seed_ << std::endl;
  }

  std::string fresh_folder() {
    const std::string folder = absl::StrCat(::testing::TempDir(), "/kill_", getpid(), "_", folders_++);
    fs::remove_all(folder);
    fs::create_directories(folder);
    return folder;
  }

  uint32_t seed_;
  std::mt19937 random_;
  int folders_ = 0;
};

TEST_F(Kill, AtAnyMomentChangesNothing) {
  const std::vector<std::string> names = {"staged_quantization", "rb_int8_distillation", "magnitude_sparsity",
                                          "filter_pruning_ranked", "accuracy_aware"};
  int random_kills = 0, kills_in_writes = 0, left_partial = 0, whole_runs = 0, differing = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const MethodCase& each = method_case(names[i]);
    const std::string unkilled = fresh_folder();
    const auto begin = steady_clock::now();
    ASSERT_TRUE(has_ended(start(each, unkilled)));
    const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
    const std::string expected = read_file(unkilled + "/final.bits").value();
    const std::vector<nlohmann::json> expected_metrics = metrics_in(unkilled);
    ASSERT_GE(expected_metrics.size(), 3u);

    const int random_kills_until = kRandomKills * static_cast<int>(i + 1) / static_cast<int>(names.size());
    const int kills_in_writes_until = kKillsInWrites * static_cast<int>(i + 1) / static_cast<int>(names.size());
    while (random_kills < random_kills_until || kills_in_writes < kills_in_writes_until) {
      // A training, killed until it gets to its end.
      const std::string folder = fresh_folder();
      for (bool ended = false; !ended;) {
        const pid_t process = start(each, folder);
        const bool is_in_write = kills_in_writes < kills_in_writes_until && random_() % 4 == 0;
        if (is_in_write) {
          // One of the writes to come, whichever.
          std::this_thread::sleep_for(std::chrono::duration<double>(seconds * (random_() % 100) / 150));
          const auto give_up = steady_clock::now() + std::chrono::duration<double>(3 * seconds);
          while (!has_partial_file(folder) && steady_clock::now() < give_up) std::this_thread::yield();
        } else {
          std::this_thread::sleep_for(std::chrono::duration<double>(seconds * (random_() % 1000) / 1000));
        }
        kill(process, SIGKILL);
        ended = has_ended(process);
        if (ended) break;
        ++(is_in_write ? kills_in_writes : random_kills);
        if (has_partial_file(folder)) ++left_partial;
        ASSERT_FALSE(HasFailure()) << each.name << ", seed " << seed_;
      }
      ASSERT_FALSE(HasFailure()) << each.name << ", seed " << seed_;
      ++whole_runs;
      const bool is_same = read_file(folder + "/final.bits").value_or("") == expected;
      differing += is_same ? 0 : 1;
      EXPECT_TRUE(is_same) << each.name << ": other bits than without a kill, seed " << seed_;
      EXPECT_EQ(metrics_in(folder), expected_metrics) << each.name << ", seed " << seed_;
      EXPECT_FALSE(has_partial_file(folder)) << "what a killed process left is not cleared away";
      fs::remove_all(folder);
    }
    fs::remove_all(unkilled);
  }
  EXPECT_GE(random_kills, kRandomKills);
  std::cout << random_kills << " kills at random moments and " << kills_in_writes << " in a write, " << left_partial
            << " of which left a partial file; " << whole_runs << " trainings, " << differing << " with other bits"
            << std::endl;
  EXPECT_GT(left_partial, 0) << "no kill came in the midst of a write: the test does not test that";
}

}  // namespace
}  // namespace pare
