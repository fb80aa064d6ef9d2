#include "training/compressed_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/test_folder.h"
#include "compression/create.h"
#include "config/compression_config.h"
#include "training/testing.h"

namespace pare::training {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kConfig[] = R"({"input_info": {"sample_size": [1, 4]}, "compression": {"algorithm": "magnitude_sparsity",
    "sparsity_init": 0.5, "params": {"schedule": "polynomial", "sparsity_target": 0.5}}})";

class CompressedModel : public ::testing::Test {
 protected:
  void SetUp() override {
    algorithm_ =
        create_compressed_model(testing::make_tiny_model(), CompressionConfig::parse_text(kConfig, "").value(), {})
            .value();
    // What training could have made of it.
    algorithm_->model()->graph().find_parameter("head.weight")->tensor().detach().mul_(2);
    ASSERT_TRUE(save_checkpoint(capture(*algorithm_), path_).ok());
  }
  std::unique_ptr<CompressionAlgorithm> algorithm_;
  const std::string path_ = make_test_folder() + "/last.checkpoint";
};

TEST_F(CompressedModel, ComesFromTheCheckpointAndTheNetwork) {
  const auto loaded = load_compressed_model(path_, testing::make_tiny_model());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->config().name, "magnitude_sparsity");
  const at::Tensor x = at::ones({1, 4});
  algorithm_->model()->eval();
  EXPECT_TRUE(
      at::equal(algorithm_->model()->forward_tensor({x}).value(), (*loaded)->model()->forward_tensor({x}).value()));
  EXPECT_FALSE(at::equal(testing::make_tiny_model()->forward_tensor({x}).value(),
                         (*loaded)->model()->forward_tensor({x}).value()));
}

TEST_F(CompressedModel, WithoutAConfigIsTheNetworkWithItsWeights) {
  CompressionAlgorithm plain(testing::make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}});
  plain.model()->graph().find_parameter("head.bias")->tensor().detach().fill_(3);
  ASSERT_TRUE(save_checkpoint(capture(plain), path_).ok());
  const auto loaded = load_compressed_model(path_, testing::make_tiny_model());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->model()->graph().find_parameter("head.bias")->tensor().min().item<float>(), 3);
}

TEST_F(CompressedModel, OfAnotherNetworkIsRefused) {
  Checkpoint other = capture(*algorithm_);
  other.model.tensors["layer9.weight"] = at::ones({2});
  const absl::Status status = make_compressed_model(other, "x.checkpoint", testing::make_tiny_model()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("x.checkpoint"), HasSubstr("layer9.weight"), HasSubstr("the one that was compressed")));
  EXPECT_FALSE(load_compressed_model(path_, nullptr).ok());
  std::filesystem::resize_file(path_, 100);
  EXPECT_EQ(load_compressed_model(path_, testing::make_tiny_model()).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace pare::training
