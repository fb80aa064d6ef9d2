#include "training/checkpoint.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/operator_new_testing.h"
#include "base/test_folder.h"
#include "graph/state.h"
#include "training/fnv1a.h"
#include "training/testing.h"

namespace pare::training {
namespace {

std::unique_ptr<CompressionAlgorithm> make_algorithm() {
  return std::make_unique<CompressionAlgorithm>(testing::make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}});
}

Checkpoint make_checkpoint(const CompressionAlgorithm& algorithm) {
  Checkpoint checkpoint = capture(algorithm);
  checkpoint.optimizer = std::string("state\0with a zero", 17);
  checkpoint.random_state = at::arange(16, at::TensorOptions(c10::kByte));
  checkpoint.device_random_state = at::arange(8, at::TensorOptions(c10::kByte));
  checkpoint.epoch = 3;
  checkpoint.steps_in_epoch = 2;
  checkpoint.global_step = 17;
  checkpoint.config = {{"bits", 8}};
  checkpoint.trainer = {{"best", 0.1 + 0.2}};
  checkpoint.source = {{"model", "resnet20.pt"}};
  checkpoint.algorithm_tensors = {{"teacher/a", at::arange(3)}};
  return checkpoint;
}

class CheckpointFile : public ::testing::Test {
 protected:
  void SetUp() override {
    algorithm_ = make_algorithm();
    algorithm_->scheduler().step();
    ASSERT_TRUE(save_checkpoint(make_checkpoint(*algorithm_), path_).ok());
  }
  std::unique_ptr<CompressionAlgorithm> algorithm_;
  const std::string path_ = make_test_folder() + "/last.checkpoint";
};

TEST_F(CheckpointFile, ComesBackWhole) {
  const auto loaded = load_checkpoint(path_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Checkpoint saved = make_checkpoint(*algorithm_);
  EXPECT_EQ(loaded->optimizer, saved.optimizer);
  EXPECT_TRUE(at::equal(loaded->random_state, saved.random_state));
  EXPECT_TRUE(at::equal(loaded->device_random_state, saved.device_random_state));
  EXPECT_EQ(loaded->epoch, 3);
  EXPECT_EQ(loaded->steps_in_epoch, 2);
  EXPECT_EQ(loaded->global_step, 17);
  EXPECT_EQ(loaded->config, saved.config);
  EXPECT_EQ(loaded->trainer, saved.trainer);
  EXPECT_EQ(loaded->algorithm, saved.algorithm);
  EXPECT_EQ(loaded->source, saved.source);
  EXPECT_EQ(loaded->compression, saved.compression);
  EXPECT_EQ(loaded->made_by.size(), 2u) << "the versions of Pare and LibTorch";
  ASSERT_EQ(loaded->algorithm_tensors.size(), 1u);
  EXPECT_TRUE(at::equal(loaded->algorithm_tensors.at("teacher/a"), at::arange(3)));
  ASSERT_EQ(loaded->model.tensors.size(), saved.model.tensors.size());
  for (const auto& [name, tensor] : saved.model.tensors) EXPECT_TRUE(at::equal(loaded->model.tensors.at(name), tensor));
}

TEST_F(CheckpointFile, RestoresModelAndScheduler) {
  auto other = make_algorithm();
  other->model()->graph().find_parameter("head.bias")->tensor().detach().fill_(5.0);
  auto loaded = load_checkpoint(path_);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(restore(*loaded, *other).code(), absl::StatusCode::kInvalidArgument) << "this method has no teacher";
  loaded->algorithm_tensors.clear();
  ASSERT_TRUE(restore(*loaded, *other).ok());
  EXPECT_EQ(other->model()->graph().find_parameter("head.bias")->tensor().abs().max().item<double>(), 0.0);
  EXPECT_EQ(other->scheduler().current_step(), 0);
}

TEST_F(CheckpointFile, EveryTruncationIsAClearError) {
  const std::string bytes = read_file(path_).value();
  for (size_t size : {size_t{0}, size_t{5}, size_t{8}, size_t{20}, size_t{28}, bytes.size() / 2, bytes.size() - 1}) {
    ASSERT_TRUE(write_file_atomically(path_, bytes.substr(0, size)).ok());
    const auto loaded = load_checkpoint(path_);
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss) << size;
    EXPECT_NE(loaded.status().message().find(path_), std::string::npos) << loaded.status();
    if (size > 8) {
      EXPECT_NE(loaded.status().message().find("truncated"), std::string::npos) << loaded.status();
    }
  }
  ASSERT_TRUE(write_file_atomically(path_, bytes + "x").ok());
  EXPECT_FALSE(load_checkpoint(path_).ok());
}

TEST_F(CheckpointFile, DamageIsFoundOut) {
  const std::string bytes = read_file(path_).value();
  std::string damaged = bytes;
  damaged[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file_atomically(path_, damaged).ok());
  EXPECT_NE(load_checkpoint(path_).status().message().find("damaged"), std::string::npos);
  EXPECT_EQ(load_checkpoint(path_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(load_checkpoint(path_ + ".none").status().code(), absl::StatusCode::kNotFound);
}

// A whole file of another version of the format: its header and its hash, as every version from 2 on has them.
std::string with_version(std::string bytes, char version) {
  bytes[8] = version;
  const uint64_t hash = fnv1a(std::string_view(bytes).substr(28), fnv1a(std::string_view(bytes).substr(0, 20)));
  for (size_t i = 0; i < 8; ++i) bytes[20 + i] = static_cast<char>(hash >> (8 * i));
  return bytes;
}

TEST_F(CheckpointFile, OtherVersionsSaySo) {
  const std::string bytes = read_file(path_).value();
  EXPECT_EQ(with_version(bytes, kCheckpointVersion), bytes);
  ASSERT_TRUE(write_file_atomically(path_, with_version(bytes, 9)).ok());
  absl::Status status = load_checkpoint(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_NE(status.message().find("a newer version of the format, 9;"), std::string::npos) << status;
  // Version 1 had the hash of the payload alone.
  std::string older = bytes;
  older[8] = 1;
  const uint64_t hash = fnv1a(std::string_view(older).substr(28));
  for (size_t i = 0; i < 8; ++i) older[20 + i] = static_cast<char>(hash >> (8 * i));
  ASSERT_TRUE(write_file_atomically(path_, older).ok());
  status = load_checkpoint(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_NE(status.message().find("an older version of the format, 1;"), std::string::npos) << status;
  // A flipped bit of the version is damage, and no other version.
  std::string damaged = bytes;
  damaged[8] ^= 1;
  ASSERT_TRUE(write_file_atomically(path_, damaged).ok());
  EXPECT_EQ(load_checkpoint(path_).status().code(), absl::StatusCode::kDataLoss);
}

// A file with metadata that are changed by `change`, and are whole otherwise.
template <typename F>
absl::Status error_of_metadata(F change) {
  nlohmann::json metadata = {{"transforms", nlohmann::json::object()},
                             {"algorithm", nullptr},
                             {"compression", nullptr},
                             {"source", nullptr},
                             {"epoch", 1},
                             {"steps_in_epoch", 0},
                             {"global_step", 5},
                             {"config", nullptr},
                             {"trainer", nullptr},
                             {"made_by", nullptr}};
  change(metadata);
  return decode_checkpoint(with_checkpoint_header(graph::serialize({}, metadata).value()), "a.checkpoint").status();
}

TEST(CheckpointMetadata, WhatDoesNotFitIsNamed) {
  EXPECT_TRUE(error_of_metadata([](nlohmann::json&) {}).ok());
  const std::pair<const char*, nlohmann::json> wrong[] = {
      {"epoch", "x"},         {"epoch", -1},         {"steps_in_epoch", 0.5}, {"steps_in_epoch", true},
      {"global_step", 1e300}, {"global_step", 1e16}, {"transforms", 3},       {"transforms", nullptr}};
  for (const auto& [key, value] : wrong) {
    const absl::Status status = error_of_metadata([&](nlohmann::json& metadata) { metadata[key] = value; });
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << key << " " << value;
    EXPECT_EQ(status.message().find(std::string("a.checkpoint: metadata.") + key + ": expected"), 0u) << status;
  }
  for (const char* key : {"transforms", "algorithm", "epoch", "trainer"}) {
    const absl::Status status = error_of_metadata([&](nlohmann::json& metadata) { metadata.erase(key); });
    EXPECT_EQ(status.message(), std::string("a.checkpoint: metadata.") + key + ": is missing");
  }
  EXPECT_FALSE(error_of_metadata([](nlohmann::json& metadata) { metadata = nlohmann::json::array(); }).ok());
}

TEST(CheckpointMetadata, WhatIsNestedTooDeeplyIsRefused) {
  const absl::Status status = error_of_metadata([](nlohmann::json& metadata) {
    for (int i = 0; i < 300; ++i) metadata["config"] = {{"inner", std::move(metadata["config"])}};
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("nested deeper"), std::string::npos) << status;
}

TEST_F(CheckpointFile, AFileThatIsTooLargeForTheMemoryIsAnError) {
  const std::string bytes = read_file(path_).value();
  absl::Status loaded, decoded;
  {
    const RefuseMemory refuse(bytes.size() / 2);
    loaded = load_checkpoint(path_).status();
    decoded = decode_checkpoint(bytes, path_).status();
  }
  for (const absl::Status& status : {loaded, decoded}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_NE(status.message().find(path_), std::string::npos) << status;
  }
}

// A method of another's, which takes its state for what it is to be.
class Careless : public CompressionAlgorithm {
 public:
  Careless() : CompressionAlgorithm(testing::make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}}) {}
  absl::Status set_state(const nlohmann::json& state) override {
    rate_ = state.at("rate").get<double>();
    return absl::OkStatus();
  }

 private:
  double rate_ = 0;
};

TEST_F(CheckpointFile, AnExceptionOfAMethodIsAnError) {
  Careless careless;
  auto loaded = load_checkpoint(path_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  loaded->algorithm_tensors.clear();
  loaded->algorithm = {{"rate", "high"}};
  EXPECT_EQ(restore(*loaded, careless).code(), absl::StatusCode::kInvalidArgument);
  loaded->algorithm = {{"rate", 0.5}};
  EXPECT_TRUE(restore(*loaded, careless).ok());
}

TEST_F(CheckpointFile, OfAnotherModelIsRefused) {
  auto loaded = load_checkpoint(path_);
  ASSERT_TRUE(loaded.ok());
  loaded->model.tensors.erase("head.weight");
  EXPECT_EQ(restore(*loaded, *algorithm_).code(), absl::StatusCode::kInvalidArgument);
}

// A disk that is full after a kilobyte, for as long as it lives.
class FileSizeLimit {
 public:
  FileSizeLimit() {
    // As the programs do: without it the signal ends the process before write() can say EFBIG.
    previous_action_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &previous_);
    rlimit limit = previous_;
    limit.rlim_cur = 1024;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &previous_);
    signal(SIGXFSZ, previous_action_);
  }

 private:
  rlimit previous_;
  sighandler_t previous_action_;
};

TEST_F(CheckpointFile, AWriteThatIsCutOffLeavesNothingBehind) {
  const std::string folder = make_test_folder();
  const std::string before = read_file(path_).value();
  ASSERT_GT(before.size(), 1024u);
  absl::Status plain, checkpoint, replaced;
  {
    const FileSizeLimit limit;
    plain = write_file_atomically(folder + "/plain", std::string(5000, 'x'));
    checkpoint = save_checkpoint(make_checkpoint(*algorithm_), folder + "/last.checkpoint");
    replaced = save_checkpoint(make_checkpoint(*algorithm_), path_);
  }
  for (const absl::Status& status : {plain, checkpoint, replaced}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder)) << "neither the file nor a .partial one";
  EXPECT_EQ(read_file(path_).value(), before) << "the checkpoint from before is as it was";
  const std::filesystem::path own_folder = std::filesystem::path(path_).parent_path();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(own_folder), {}), 1);
}

}  // namespace
}  // namespace pare::training
