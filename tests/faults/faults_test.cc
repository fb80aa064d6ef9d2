// What the `pare` command does with bad input: it says what is wrong, ends with a code that is not zero, and leaves no
// file behind.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pare {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Outcome {
  int exit_code = -1;
  std::string output;  // standard output and error together
};

Outcome run_shell(const std::string& command) {
  Outcome outcome;
  std::FILE* pipe = ::popen(absl::StrCat(command, " 2>&1").c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) outcome.output.append(buffer, n);
  const int status = ::pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

std::string pare_command() {
  return absl::StrCat(std::getenv("TEST_SRCDIR"), "/", std::getenv("TEST_WORKSPACE"), "/tools/pare");
}

class FaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        absl::StrCat(::testing::TempDir(), "/faults_", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    output_ = path("out.onnx");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

  // A convolution and a linear layer for images [B, 3, 8, 8], whose forward goes on with `code`.
  static torch::jit::Module net(const std::string& code = "", float weight = 0.1f) {
    torch::jit::Module module("Net");
    module.register_parameter("weight", at::full({4, 3, 3, 3}, weight), false);
    module.register_parameter("fc", at::full({10, 4}, 0.1), false);
    module.define(absl::StrCat(R"(
def forward(self, x):
    x = torch.conv2d(x, self.weight, None, [1, 1], [1, 1])
    x = torch.relu(x).mean([2, 3])
)",
                               code, R"(
    return torch.linear(x, self.fc)
)"));
    return module;
  }

  std::string save(const torch::jit::Module& module, const std::string& name = "model.pt") const {
    module.save(path(name));
    return path(name);
  }

  Outcome quantize(const std::string& model, const std::string& flags = "") const {
    return run_shell(absl::StrCat(pare_command(), " quantize ", model,
                                  " --random_data --input_shape=1,3,8,8 --samples=8 --output=", output_, " ", flags));
  }

  // Failed as it should have, with all of these words, and without a trace.
  template <typename Matcher>
  void expect_refused(const Outcome& outcome, const Matcher& says) const {
    EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
    EXPECT_THAT(outcome.output, says);
    EXPECT_THAT(outcome.output, ::testing::Not(HasSubstr("terminate called"))) << outcome.output;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      EXPECT_NE(entry.path().filename(), "out.onnx") << "a file was written";
      EXPECT_FALSE(absl::StrContains(entry.path().string(), ".partial")) << entry.path();
    }
  }

  std::string folder_, output_;
};

TEST_F(FaultsTest, AGoodModelGoesThrough) {
  const Outcome outcome = quantize(save(net()));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_GT(std::filesystem::file_size(output_), 100u);
}

TEST_F(FaultsTest, NoTorchScript) {
  expect_refused(quantize(write("model.pt", "these are words, not a model")),
                 AllOf(HasSubstr("model.pt"), HasSubstr("not a TorchScript file")));
  expect_refused(quantize(write("model.pt", "")), HasSubstr("not a TorchScript file"));
  expect_refused(quantize(path("nothing.pt")), HasSubstr("nothing.pt"));
}

TEST_F(FaultsTest, ATruncatedModel) {
  const std::string model = save(net());
  const auto size = std::filesystem::file_size(model);
  for (const auto part : {size - 1, size / 2, size / 10}) {
    save(net());
    std::filesystem::resize_file(model, part);
    expect_refused(quantize(model), AllOf(HasSubstr("model.pt"), HasSubstr("damaged")));
  }
}

TEST_F(FaultsTest, ControlFlowThatDependsOnTheData) {
  const std::string code = R"(
    if bool(x.sum() > 0):
        x = x.relu()
)";
  expect_refused(quantize(save(net(code))), AllOf(HasSubstr("prim::If at "), HasSubstr("trace the model")));
}

TEST_F(FaultsTest, AnInputOfTheWrongShape) {
  const std::string model = save(net());
  const auto says = AllOf(HasSubstr("aten::conv2d"), HasSubstr("channels"));
  expect_refused(run_shell(absl::StrCat(pare_command(), " inspect ", model, " --input_shape=1,4,8,8")), says);
  expect_refused(run_shell(absl::StrCat(pare_command(), " quantize ", model,
                                        " --random_data --input_shape=1,4,8,8 --samples=8 --output=", output_)),
                 says);
}

TEST_F(FaultsTest, AnUnknownAlgorithm) {
  const std::string config = write("c.json", R"({"compression": {"algorithm": "quantisation"}})");
  expect_refused(quantize(save(net()), "--config=" + config),
                 AllOf(HasSubstr("quantisation"), HasSubstr("\"quantization\""), HasSubstr("compression.algorithm")));
}

TEST_F(FaultsTest, AWrongTypeInTheConfig) {
  const std::string config =
      write("c.json", R"({"compression": {"algorithm": "quantization", "weights": {"bits": "eight"}}})");
  expect_refused(quantize(save(net()), "--config=" + config),
                 AllOf(HasSubstr("weights.bits"), HasSubstr("expected"), HasSubstr("eight")));
}

TEST_F(FaultsTest, AKeyThatDoesNotExist) {
  const std::string config = write("c.json", R"({"compression": {"algorithm": "quantization", "weigths": {}}})");
  expect_refused(quantize(save(net()), "--config=" + config), AllOf(HasSubstr("weigths"), HasSubstr("weights")));
}

TEST_F(FaultsTest, AScopeThatMatchesNothing) {
  const std::string config =
      write("c.json", R"({"compression": {"algorithm": "quantization", "ignored_scopes": ["layer7"]}})");
  expect_refused(quantize(save(net()), "--config=" + config), AllOf(HasSubstr("layer7"), HasSubstr("ignored_scopes")));
}

TEST_F(FaultsTest, ADataSetWithAMissingOrAShortFile) {
  const std::string model = save(net());
  const std::string eval = absl::StrCat(pare_command(), " eval ", model, " --dataset=cifar10 --data_dir=", folder_);
  expect_refused(run_shell(eval), AllOf(HasSubstr("test_batch.bin")));
  write("test_batch.bin", std::string(3073 * 2 + 100, '\1'));
  expect_refused(run_shell(eval), AllOf(HasSubstr("test_batch.bin"), HasSubstr("3073")));
}

TEST_F(FaultsTest, WeightsThatAreNoNumbers) {
  expect_refused(quantize(save(net("", std::numeric_limits<float>::quiet_NaN()))),
                 AllOf(HasSubstr("weight"), HasSubstr("NaN")));
}

TEST_F(FaultsTest, APathThatCannotBeWritten) {
  const std::string model = save(net());
  output_ = path("no_such_folder/out.onnx");
  expect_refused(quantize(model), HasSubstr("no_such_folder"));
  output_ = absl::StrCat(model, "/out.onnx");  // below a file
  expect_refused(quantize(model), HasSubstr("model.pt: Not a directory"));
  output_ = path("out.tflite");
  expect_refused(quantize(model), AllOf(HasSubstr(".onnx"), HasSubstr(".pt")));
}

// On a file system of 64 KiB of our own. The file that was there before stays as it was.
TEST_F(FaultsTest, AFullDisk) {
  const std::string disk = path("disk");
  std::filesystem::create_directories(disk);
  const std::string mount = absl::StrCat("mount -t tmpfs -o size=64k none ", disk);
  if (run_shell(absl::StrCat("unshare -rm sh -c '", mount, "'")).exit_code != 0) {
    GTEST_SKIP() << "a small tmpfs cannot be mounted here (unshare -rm)";
  }
  // Weights of 200 kB, two layers that take the four channels to 200 and back.
  torch::jit::Module module("Net");
  module.register_parameter("conv", at::full({200, 3, 3, 3}, 0.1), false);
  module.register_parameter("fc", at::full({800, 200}, 0.1), false);
  module.define(R"(
def forward(self, x):
    return torch.linear(torch.conv2d(x, self.conv).mean([2, 3]), self.fc)
)");
  const std::string model = save(module);
  output_ = absl::StrCat(disk, "/out.onnx");
  const std::string command = absl::StrCat(pare_command(), " quantize ", model,
                                           " --random_data --input_shape=1,3,8,8 --samples=8 --output=", output_);
  const Outcome outcome =
      run_shell(absl::StrCat("unshare -rm sh -c '", mount, "; echo before > ", output_, "; ", command,
                             "; code=$?; echo; ls ", disk, "; cat ", output_, "; exit $code'"));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("No space left"), ::testing::EndsWith("\nout.onnx\nbefore\n")));
}

TEST_F(FaultsTest, ACommandLineThatIsWrong) {
  const auto code = [](const std::string& words) {
    return run_shell(absl::StrCat(pare_command(), " ", words)).exit_code;
  };
  EXPECT_EQ(code("quantise model.pt"), 2);
  EXPECT_EQ(code("eval"), 2);
  EXPECT_EQ(code("eval model.pt --no_such_flag=1"), 2);
  EXPECT_EQ(code("eval model.pt --limit=many"), 2);
}

}  // namespace
}  // namespace pare
