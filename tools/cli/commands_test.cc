// Every command but the demo, as a command line gives it, on tiny models and few images.

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "compression/all_methods.h"
#include "data/image_writing_test_util.h"
#include "export/register_exporters.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tools/cli/all_commands.h"

namespace pare::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kInt8[] = "tools/train/configs/int8.json";

class Commands : public ::testing::Test {
 protected:
  Commands() {
    exporters::register_exporters();
    register_all_methods();
    folder_ = make_test_folder();
  }

  int run(std::vector<std::string> words) {
    const absl::FlagSaver restores_flags;
    words.push_back("--quiet");
    out_.str("");
    error_.str("");
    return run_command_line(words, all_commands(), out_, error_);
  }
  // The result of a command that is to succeed.
  nlohmann::json result_of(std::vector<std::string> words) {
    words.push_back("--json");
    EXPECT_EQ(run(words), 0) << error_.str();
    return nlohmann::json::parse(out_.str(), nullptr, false);
  }
  // What a command that is to fail says.
  std::string error_of(int code, const std::vector<std::string>& words) {
    EXPECT_EQ(run(words), code) << error_.str();
    return error_.str();
  }
  std::string path(const char* name) const { return absl::StrCat(folder_, "/", name); }

  // A config whose quantizers are switched on in the course of training.
  std::string staged_config() {
    EXPECT_TRUE(write_file_atomically(path("staged.json"), R"({"compression": {"algorithm": "quantization",
        "params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2}}})")
                    .ok());
    return path("staged.json");
  }

  std::string folder_;
  std::ostringstream out_, error_;
};

TEST_F(Commands, EvalCountsRightAnswers) {
  const nlohmann::json result = result_of({"eval", "mlp", "--dataset=procedural", "--limit=50"});
  EXPECT_EQ(result.at("total"), 50);
  EXPECT_EQ(result.at("model"), "mlp");
  EXPECT_EQ(run({"eval", "mlp", "--dataset=procedural", "--limit=50"}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("top1 0."), HasSubstr("/50)")));
}

TEST_F(Commands, EvalMakesAModelForTheImagesAndClassesOfTheDataSet) {
  for (const char* name : {"cat", "dog", "fox"}) {
    std::filesystem::create_directories(path(name));
    data::write_test_png(absl::StrCat(path(name), "/1.png"), {8, 8, 3, std::vector<uint8_t>(192, 7)});
  }
  const nlohmann::json result =
      result_of({"eval", "mlp", "--dataset=images", "--data_dir=" + folder_, "--image_size=8"});
  EXPECT_EQ(result.at("total"), 3);
}

TEST_F(Commands, EvalRefuses) {
  EXPECT_THAT(error_of(2, {"eval", "mlp"}), HasSubstr("--dataset is missing"));
  EXPECT_THAT(error_of(2, {"eval", "mlp", "--dataset=procedural", "--batch_size=0"}), HasSubstr("--batch_size=0"));
  EXPECT_THAT(error_of(2, {"eval", "mlp", "--dataset=procedural", "--limit=-1"}), HasSubstr("--limit=-1"));
  EXPECT_THAT(error_of(1, {"eval", "mlp", "--dataset=cifar11", "--data_dir=x"}), HasSubstr("cifar11"));
  EXPECT_THAT(error_of(1, {"eval", "none.pt", "--dataset=procedural"}), HasSubstr("none.pt"));
}

TEST_F(Commands, QuantizeWritesASmallFile) {
  const std::string output = path("mlp.onnx");
  const nlohmann::json result = result_of(
      {"quantize", "mlp", "--dataset=procedural", "--samples=32", "--output=" + output, "--evaluate", "--limit=40"});
  EXPECT_EQ(result.at("bytes"), std::filesystem::file_size(output));
  EXPECT_EQ(result.at("before").at("total"), 40);
  EXPECT_EQ(result.at("after").at("total"), 40);
  EXPECT_LT(result.at("bytes"), 0.5 * 4 * 3072 * 256) << "weights are bytes";
}

TEST_F(Commands, QuantizeTakesRandomNumbersAndTheirShape) {
  const std::string output = path("mlp.onnx");
  EXPECT_EQ(run({"quantize", "mlp", "--random_data", "--input_shape=1,1,8,8", "--samples=5", "--batch_size=2",
                 "--output=" + output}),
            0)
      << error_.str();
  EXPECT_LT(std::filesystem::file_size(output), 300000u) << "the weights of 64 inputs, not of 3072";
}

TEST_F(Commands, QuantizeRefuses) {
  const std::string output = "--output=" + path("mlp.onnx");
  const std::vector<std::string> words = {"quantize", "mlp", "--dataset=procedural", "--samples=32"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    return more;
  };
  EXPECT_THAT(error_of(2, with({})), HasSubstr("--output is missing"));
  EXPECT_THAT(error_of(2, with({output, "--batch_size=0"})), HasSubstr("--batch_size=0"));
  EXPECT_THAT(error_of(2, with({output, "--samples=0"})), HasSubstr("--samples=0"));
  EXPECT_THAT(error_of(2, {"quantize", "mlp", "--random_data", output}), HasSubstr("--input_shape"));
  EXPECT_THAT(error_of(1, with({"--output=" + folder_ + "/none/mlp.onnx"})), HasSubstr("none"));
  EXPECT_THAT(error_of(1, with({"--output=" + path("mlp.exe")})), HasSubstr(".exe"));
  EXPECT_EQ(run(with({"--json"})), 2);
  EXPECT_THAT(out_.str(), HasSubstr("{\"error\":{\"code\":\"INVALID_ARGUMENT\""));
}

TEST_F(Commands, QuantizeRefusesAScheduleThatOnlyTrainingWouldFinish) {
  const std::string output = path("mlp.onnx");
  const std::string error = error_of(1, {"quantize", "mlp", "--dataset=procedural", "--samples=32",
                                         "--output=" + output, "--config=" + staged_config()});
  EXPECT_THAT(error, AllOf(HasSubstr("UNCOMPRESSED"), HasSubstr("weights_quant_start_epoch"), HasSubstr("pare train")));
  EXPECT_FALSE(std::filesystem::exists(output));
}

TEST_F(Commands, BackendsTestsEachOfThem) {
  const nlohmann::json backends = result_of({"backends"})["backends"];
  ASSERT_FALSE(backends.empty());
  EXPECT_EQ(backends[0]["name"], "cpu");
  for (const nlohmann::json& backend : backends) {
    // A machine without a driver says so.
    if (backend.contains("unavailable")) continue;
    for (const nlohmann::json& device : backend["devices"]) {
      EXPECT_EQ(device["self_test"], "passed") << backend["name"] << ", " << device["name"];
      EXPECT_GT(device["copy_bytes_per_second"], 0);
    }
  }
  EXPECT_EQ(run({"backends"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("self-test: passed"));
}

TEST_F(Commands, TheBackendIsTheUsersChoice) {
  EXPECT_EQ(run({"eval", "mlp", "--dataset=procedural", "--limit=20", "--backend=cpu"}), 0);
  EXPECT_THAT(error_of(2, {"eval", "mlp", "--dataset=procedural", "--backend=gpu"}),
              AllOf(HasSubstr("--backend"), HasSubstr("no kernel backend is called 'gpu'"), HasSubstr("cpu")));
  EXPECT_THAT(error_of(2, {"eval", "mlp", "--dataset=procedural", "--backend=cpu:1"}), HasSubstr("has no devices"));
}

TEST_F(Commands, ADeviceThatCannotBeUsedIsRefusedBeforeTheWork) {
  const std::string output = "--output=" + path("mlp.onnx");
  for (const std::vector<std::string>& command : {std::vector<std::string>{"eval", "mlp", "--dataset=procedural"},
                                                  {"quantize", "mlp", "--dataset=procedural", output},
                                                  {"train", "--model=mlp", "--dataset=procedural", "--output_dir=x"},
                                                  {"inspect", "mlp"},
                                                  {"demo", "--output_dir=" + path("demo")}}) {
    const auto with = [&](const char* device) {
      std::vector<std::string> words = command;
      words.push_back(device);
      return words;
    };
    EXPECT_THAT(error_of(2, with("--device=gpu")), HasSubstr("expected cpu, cuda (the first GPU) or cuda:N"));
    if (c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) continue;
    EXPECT_THAT(error_of(1, with("--device=cuda")), HasSubstr("this LibTorch was built without CUDA"));
  }
  EXPECT_FALSE(std::filesystem::exists(path("demo")));
}

TEST_F(Commands, InspectListsLayersAndQuantizers) {
  const nlohmann::json result = result_of({"inspect", "mlp", "--input_shape=1,1,8,8"});
  EXPECT_GT(result.at("parameters"), 64 * 10);
  EXPECT_GT(result.at("layers").size(), 2u);
  EXPECT_TRUE(result.contains("transforms")) << result.dump();
}

TEST_F(Commands, LaunchStartsAnyProgramInProcesses) {
  const std::string script = absl::StrCat("#!/bin/sh\necho > ", folder_, "/$RANK.of.$WORLD_SIZE\n");
  ASSERT_TRUE(write_file_atomically(path("program.sh"), script).ok());
  ASSERT_EQ(chmod(path("program.sh").c_str(), 0700), 0);
  const nlohmann::json result = result_of({"launch", "--nproc=2", path("program.sh")});
  EXPECT_EQ(result.at("processes"), 2);
  EXPECT_TRUE(read_file(path("0.of.2")).ok());
  EXPECT_TRUE(read_file(path("1.of.2")).ok());
  EXPECT_THAT(error_of(1, {"launch", "false"}), HasSubstr("a process ended with exit code 1"));
}

TEST_F(Commands, LaunchRefuses) {
  EXPECT_THAT(error_of(2, {"launch"}), HasSubstr("COMMAND"));
  EXPECT_THAT(error_of(2, {"launch", "--nproc=0", "true"}), HasSubstr("--nproc is 0"));
  EXPECT_THAT(error_of(2, {"launch", "--nnodes=2", "--node_rank=2", "true"}), HasSubstr("--node_rank is 2"));
  EXPECT_THAT(error_of(2, {"launch", "--nnodes=2", "true"}), HasSubstr("--master_port is missing"));
  EXPECT_THAT(error_of(1, {"launch", "no_such_program"}), HasSubstr("no_such_program"));
}

TEST_F(Commands, InspectRefuses) {
  EXPECT_THAT(error_of(1, {"inspect", "mlp", "--preset=fast"}), HasSubstr("fast"));
  EXPECT_THAT(error_of(2, {"inspect", "mlp", "--input_shape=1,100000,100000,100000"}), HasSubstr("--input_shape"));
  EXPECT_THAT(error_of(1, {"inspect", "mlp", "--input_shape=1,3,8,9"}), HasSubstr("square"));
  EXPECT_THAT(error_of(1, {"inspect", "resnet21"}), HasSubstr("resnet20"));
}

TEST_F(Commands, ExplainConfigTellsWhatGoesWhere) {
  const nlohmann::json result = result_of({"explain-config", kInt8, "--model=mlp", "--input_shape=1,1,8,8"});
  EXPECT_EQ(result.at("algorithms").size(), 1u);
  EXPECT_FALSE(result.at("transforms").empty());
  EXPECT_THAT(error_of(2, {"explain-config", kInt8}), HasSubstr("--model is missing"));
  EXPECT_THAT(error_of(1, {"explain-config", "none.json", "--model=mlp"}), HasSubstr("none.json"));
}

class TrainCommand : public Commands {
 protected:
  std::vector<std::string> words(std::vector<std::string> more) {
    const std::vector<std::string> first = {"train",
                                            "--model=mlp",
                                            "--dataset=procedural",
                                            "--train_samples=64",
                                            "--batch_size=32",
                                            "--limit=50",
                                            absl::StrCat("--output_dir=", path("out"))};
    more.insert(more.begin(), first.begin(), first.end());
    return more;
  }
};

TEST_F(TrainCommand, TrainsAndExports) {
  const nlohmann::json result = result_of(words({absl::StrCat("--config=", kInt8), "--learning_rate=0.001",
                                                 "--schedule=step", "--milestones=0.5", "--gamma=0.5"}));
  EXPECT_EQ(result.at("steps"), 2);
  EXPECT_EQ(result.at("stage"), "FULLY_COMPRESSED");
  EXPECT_EQ(result.at("trained").at("total"), 50);
  EXPECT_TRUE(std::filesystem::exists(path("out/model.onnx")));
  EXPECT_EQ(run(words({"--learning_rate=0.001", "--resume"})), 1) << "another schedule and another config";
  EXPECT_THAT(error_.str(), HasSubstr("learning_rate.gamma was 0.5 and is 0.1 now"));
}

// No config and no network are named: the checkpoint has the one, and knows where the other is.
TEST_F(TrainCommand, ItsCheckpointsAreEvaluatedAndExportedByThemselves) {
  const nlohmann::json trained =
      result_of(words({absl::StrCat("--config=", kInt8), "--checkpoint_every=1", "--keep_checkpoints=3"}));
  EXPECT_TRUE(read_file(path("out/step_00000001.checkpoint")).ok());
  const std::string checkpoint = path("out/last.checkpoint");
  const nlohmann::json evaluated = result_of({"eval", checkpoint, "--dataset=procedural", "--limit=50"});
  EXPECT_EQ(evaluated.at("correct"), trained.at("trained").at("correct"));
  EXPECT_EQ(evaluated.at("loss"), trained.at("trained").at("loss"));
  const nlohmann::json exported = result_of({"export", checkpoint, "--output=" + path("again.onnx")});
  EXPECT_EQ(exported.at("model"), "mlp");
  EXPECT_EQ(exported.at("stage"), "FULLY_COMPRESSED");
  EXPECT_EQ(read_file(path("again.onnx")).value(), read_file(path("out/model.onnx")).value());
  EXPECT_THAT(error_of(1, {"export", checkpoint, "--model=" + path("none.pt"), "--output=" + path("x.onnx")}),
              AllOf(HasSubstr("last.checkpoint"), HasSubstr("none.pt")));
  EXPECT_THAT(error_of(1, {"export", checkpoint, "--model=resnet20", "--output=" + path("x.onnx")}),
              HasSubstr("the one that was compressed"));
}

TEST_F(TrainCommand, RunsOnTheCpuUnlessAnotherDeviceIsNamed) {
  const std::vector<std::string> more = {absl::StrCat("--config=", kInt8), "--learning_rate=0.001"};
  nlohmann::json by_default = result_of(words(more));
  const std::string file = read_file(path("out/model.onnx")).value();
  std::vector<std::string> named = words(more);
  named.push_back("--device=cpu");
  nlohmann::json by_name = result_of(named);
  for (const char* key : {"seconds", "peak_memory_bytes"}) {
    by_default.erase(key);
    by_name.erase(key);
  }
  EXPECT_EQ(by_default.at("device"), "cpu");
  EXPECT_EQ(by_name, by_default);
  EXPECT_EQ(read_file(path("out/model.onnx")).value(), file);
}

TEST_F(TrainCommand, PrintsAccuraciesAlike) {
  ASSERT_EQ(run(words({absl::StrCat("--config=", kInt8), "--learning_rate=0.001"})), 0) << error_.str();
  EXPECT_THAT(out_.str(), ::testing::ContainsRegex("before compression    top1 0\\.[0-9][0-9][0-9][0-9] \\("));
  EXPECT_THAT(out_.str(), ::testing::ContainsRegex("compressed, trained   top1 0\\.[0-9][0-9][0-9][0-9] \\("));
  EXPECT_THAT(out_.str(), ::testing::ContainsRegex("memory of tensors     at most [0-9]+ MiB"));
}

TEST_F(TrainCommand, TheImagesAreOfTheSizeAndMeanThatTheFlagsSay) {
  for (const char* name : {"train/cat", "train/dog", "test/dog"}) {
    std::filesystem::create_directories(path(name));
    data::write_test_png(absl::StrCat(path(name), "/1.png"), {8, 8, 3, std::vector<uint8_t>(192, 7)});
  }
  const nlohmann::json result = result_of({"train", "--model=mlp", "--dataset=images", "--data_dir=" + folder_,
                                           "--image_size=8", "--mean=0.5,0.5,0.5", "--std=1,1,1",
                                           "--learning_rate=0.001", "--batch_size=2", "--output_dir=" + path("out")});
  EXPECT_EQ(result.at("trained").at("total"), 1);
  EXPECT_LT(std::filesystem::file_size(path("out/model.onnx")), 1000000u) << "192 inputs, not those of 224 x 224";
}

TEST_F(TrainCommand, StaysBelowALimitOfMemory) {
  EXPECT_THAT(error_of(2, words({"--cpu_memory_limit_mb=-1"})), HasSubstr("--cpu_memory_limit_mb is -1"));
  EXPECT_THAT(error_of(1, words({"--cpu_memory_limit_mb=1"})), HasSubstr("the limit is 1.0 MiB"));
  EXPECT_EQ(run(words({"--cpu_memory_limit_mb=1000"})), 0) << error_.str();
}

TEST_F(TrainCommand, Refuses) {
  for (const char* flag : {"--learning_rate=nan", "--learning_rate=-1", "--weight_decay=-0.1", "--weight_decay=nan",
                           "--batch_size=0", "--epochs=0", "--schedule=cosinus", "--optimizer=sgf", "--milestones=x",
                           "--gamma=2", "--warmup_epochs=9", "--pretrain_epochs=-1"}) {
    error_of(2, words({flag}));
    EXPECT_THAT(error_.str(), HasSubstr("try: pare train --help")) << flag;
  }
  EXPECT_FALSE(std::filesystem::exists(path("out")));
  EXPECT_THAT(error_of(2, {"train", "--dataset=procedural", "--output_dir=x"}), HasSubstr("--model is missing"));
  EXPECT_THAT(error_of(2, {"train", "--dataset=procedural", "--model=mlp"}), HasSubstr("--output_dir is missing"));
}

}  // namespace
}  // namespace pare::tools
