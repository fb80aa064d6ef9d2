// What a training by the `pare` command does when something happens to it: signals, a kill, a full disk, pictures that
// vanish, damaged checkpoints. It stops with its state safe and says so, and goes on from there to the very file that
// an undisturbed training gives.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <torch/csrc/jit/api/module.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "data/image_writing_test_util.h"

namespace pare {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kSide = 8, kImagesOfAClass = 24;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class TrainingFaults : public ::testing::Test {
 protected:
  // Pictures, a network, and what an undisturbed training makes of them: for all tests.
  static void SetUpTestSuite() {
    shared_ = absl::StrCat(::testing::TempDir(), "/training_faults_", getpid());
    fs::remove_all(shared_);
    for (const char* part : {"/images/train/", "/images/test/"}) {
      for (const int label : {0, 1}) {
        const std::string folder = absl::StrCat(shared_, part, label == 0 ? "dark" : "light");
        fs::create_directories(folder);
        for (int i = 0; i < kImagesOfAClass; ++i) {
          data::Picture picture{.height = kSide, .width = kSide, .channels = 3};
          for (int p = 0; p < 3 * kSide * kSide; ++p) {
            picture.pixels.push_back(static_cast<uint8_t>((p * 7 + i * 13) % 150 + 90 * label));
          }
          data::write_test_png(absl::StrCat(folder, "/", i, ".png"), picture);
        }
      }
    }
    torch::jit::Module module("Net");
    module.register_parameter("weight", at::sin(at::arange(108)).mul(0.3).view({4, 3, 3, 3}), false);
    module.register_parameter("fc", at::cos(at::arange(8)).view({2, 4}), false);
    module.define(R"(
def forward(self, x):
    return torch.linear(torch.relu(torch.conv2d(x, self.weight, None, [1, 1], [1, 1])).mean([2, 3]), self.fc)
)");
    module.save(shared_ + "/model.pt");
    std::ofstream(shared_ + "/config.json") << R"({"compression": [
        {"algorithm": "rb_sparsity", "params": {"schedule": "exponential", "sparsity_target": 0.3,
         "sparsity_target_epoch": 3, "sparsity_freeze_epoch": 6}},
        {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 16}}}]})";
    const std::string out = shared_ + "/undisturbed";
    ASSERT_EQ(std::system(absl::StrCat(command(out), " > ", out, ".log 2>&1").c_str()), 0) << text_of(out + ".log");
    expected_ = text_of(out + "/model.onnx");
    ASSERT_GT(expected_.size(), 100u);
  }
  static void TearDownTestSuite() { fs::remove_all(shared_); }

  void SetUp() override {
    folder_ = absl::StrCat(shared_, "/", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    out_ = folder_ + "/out";
    log_ = folder_ + "/log";
    fs::create_directories(folder_);
  }

  static std::string command(const std::string& out, const std::string& images = shared_ + "/images") {
    return absl::StrCat(std::getenv("TEST_SRCDIR"), "/", std::getenv("TEST_WORKSPACE"),
                        "/tools/pare train --model=", shared_, "/model.pt --config=", shared_,
                        "/config.json --dataset=images --data_dir=", images,
                        " --image_size=8 --batch_size=8 --epochs=20 --checkpoint_every=1 --keep_checkpoints=3 "
                        "--resume --output_dir=",
                        out);
  }

  // Starts the command in a process of its own, its words going to log_.
  pid_t start(const std::string& words) const {
    const pid_t process = fork();
    if (process != 0) return process;
    // Whoever runs the test may ignore them.
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, SIG_DFL);
    const std::string line = absl::StrCat("exec ", words, " > ", log_, " 2>&1");
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  // Until a checkpoint is there, and one from before it.
  void wait_for_checkpoint() const {
    for (int i = 0; i < 12000; ++i) {
      std::error_code error;
      for (fs::directory_iterator file(out_, error), end; !error && file != end; file.increment(error)) {
        if (absl::StartsWith(file->path().filename().string(), "step_")) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "no checkpoint: " << text_of(log_);
  }
  static int wait(pid_t process) {
    int status = 0;
    EXPECT_EQ(waitpid(process, &status, 0), process);
    return status;
  }
  // The same command again comes to the same file.
  void expect_resumed_to_the_same_file() const {
    const int status = wait(start(command(out_)));
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << text_of(log_);
    EXPECT_THAT(text_of(log_), HasSubstr("going on from "));
    EXPECT_TRUE(text_of(out_ + "/model.onnx") == expected_) << "another file than without the fault";
  }

  static std::string shared_, expected_;
  std::string folder_, out_, log_;
};

std::string TrainingFaults::shared_, TrainingFaults::expected_;

TEST_F(TrainingFaults, ASignalStopsItAtItsNextStep) {
  for (const auto& [number, name] : {std::pair{SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGINT, "SIGINT"}}) {
    fs::remove_all(out_);
    const pid_t process = start(command(out_));
    wait_for_checkpoint();
    kill(process, number);
    const int status = wait(process);
    ASSERT_TRUE(WIFEXITED(status)) << text_of(log_);
    EXPECT_EQ(WEXITSTATUS(status), 130) << text_of(log_);
    EXPECT_THAT(text_of(log_), AllOf(HasSubstr(absl::StrCat(name, " stopped the training in epoch")),
                                     HasSubstr("last.checkpoint is written: resume to go on from there")));
  }
  expect_resumed_to_the_same_file();
}

TEST_F(TrainingFaults, AKillCostsAStepAtMost) {
  for (int i = 0; i < 3; ++i) {
    const pid_t process = start(command(out_));
    wait_for_checkpoint();
    std::this_thread::sleep_for(std::chrono::milliseconds(37 * i));
    kill(process, SIGKILL);
    wait(process);
  }
  expect_resumed_to_the_same_file();
}

TEST_F(TrainingFaults, PicturesThatVanishAreNamed) {
  const std::string images = folder_ + "/images";
  fs::copy(shared_ + "/images", images, fs::copy_options::recursive);
  const pid_t process = start(command(out_, images));
  wait_for_checkpoint();
  fs::rename(images, images + "_elsewhere");
  const int status = wait(process);
  ASSERT_TRUE(WIFEXITED(status)) << text_of(log_);
  EXPECT_EQ(WEXITSTATUS(status), 1) << text_of(log_);
  EXPECT_THAT(text_of(log_), AllOf(HasSubstr(images + "/t"), HasSubstr(".png"), HasSubstr("No such file"),
                                   HasSubstr("last.checkpoint holds it as it was after step")));
  // Elsewhere is as good: files count by what is in them.
  expect_resumed_to_the_same_file();
}

TEST_F(TrainingFaults, ADamagedCheckpointIsPassedOverAndNoneWholeIsAnError) {
  const pid_t process = start(command(out_));
  wait_for_checkpoint();
  kill(process, SIGKILL);
  wait(process);
  std::vector<std::string> checkpoints = {out_ + "/last.checkpoint"};
  for (const auto& file : fs::directory_iterator(out_)) {
    if (file.path().filename().string().rfind("step_", 0) == 0) checkpoints.push_back(file.path());
  }
  ASSERT_GE(checkpoints.size(), 2u);
  const auto damage = [](const std::string& path) {
    std::string bytes = text_of(path);
    bytes[bytes.size() / 2] ^= 1;
    fs::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
  };
  damage(checkpoints[0]);
  const std::string copy = folder_ + "/copy";
  fs::copy(out_, copy, fs::copy_options::recursive);
  expect_resumed_to_the_same_file();
  EXPECT_THAT(text_of(log_), HasSubstr("warning: " + checkpoints[0] + " is damaged"));

  fs::remove_all(out_);
  fs::rename(copy, out_);
  for (size_t i = 1; i < checkpoints.size(); ++i) damage(checkpoints[i]);
  const int status = wait(start(command(out_)));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  for (const std::string& path : checkpoints) EXPECT_THAT(text_of(log_), HasSubstr(path + " is damaged"));
  EXPECT_THAT(text_of(log_), HasSubstr("can be used"));
}

// On a file system of our own, which is filled while the training runs, and emptied again.
TEST_F(TrainingFaults, AFullDiskStopsItWithTheLastCheckpointWhole) {
  const std::string mount = absl::StrCat("mount -t tmpfs -o size=4m none ", out_);
  fs::create_directories(out_);
  if (std::system(absl::StrCat("unshare -rm sh -c '", mount, "' 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "a small tmpfs cannot be mounted here (unshare -rm)";
  }
  std::ofstream(folder_ + "/script") << mount << "\n"
                                     << command(out_ + "/training") << " &\n"
                                     << "while [ ! -e " << out_ << "/training/step_00000002.checkpoint ]; do :; done\n"
                                     << "dd if=/dev/zero of=" << out_ << "/filler bs=1024 2>/dev/null\n"
                                     << "wait $!; echo the code is $?\n"
                                     << "ls " << out_ << "/training\n"
                                     << "rm " << out_ << "/filler\n"
                                     << command(out_ + "/training") << " && echo resumed\n"
                                     << "cp " << out_ << "/training/model.onnx " << folder_ << "/model.onnx\n";
  wait(start(absl::StrCat("unshare -rm sh ", folder_, "/script")));
  EXPECT_THAT(text_of(log_),
              AllOf(HasSubstr("No space left on device"), HasSubstr("the code is 1\n"),
                    ::testing::ContainsRegex("last.checkpoint, from after step [0-9]+, is as it was|last.checkpoint "
                                             "holds it as it was after step [0-9]+"),
                    HasSubstr("\nlast.checkpoint\n"), Not(HasSubstr(".partial\n")), HasSubstr("resumed\n")));
  EXPECT_TRUE(text_of(folder_ + "/model.onnx") == expected_) << "another file than without the fault" << text_of(log_);
}

}  // namespace
}  // namespace pare
