// The main job on a real network: a trained CIFAR-10 ResNet-20 through import, calibration, export and ONNX Runtime.
//
// Its files are found through PARE_DATA; without them, or without ONNX Runtime, what needs them is skipped.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compression/create.h"
#include "compression/quantization/register_quantization.h"
#include "data/dataset_factory.h"
#include "data/image_loader.h"
#include "export/onnxruntime/onnxruntime_node.h"
#include "export/register_exporters.h"
#include "graph/exporters.h"
#include "graph/import.h"
#include "graph/validate.h"
#include "training/evaluate.h"

namespace pare {
namespace {

constexpr int64_t kTestImages = 500;
// Of the first 500 test images; both files hold the same weights. Counted once with PyTorch 1.13.
constexpr int64_t kRightInFloat32 = 455;
constexpr char kInt8[] = R"({"compression": {"algorithm": "quantization", "overflow_fix": "%s",
    "initializer": {"range": {"num_init_samples": 300}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}}})";

bool adds_int8_exactly() {
#if defined(__x86_64__)
  std::ifstream file("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.find("avx512_vnni") != std::string::npos || text.find("avx_vnni") != std::string::npos;
#else
  return true;
#endif
}

class ResNet20Test : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("PARE_DATA");
    if (data == nullptr || !std::filesystem::exists(absl::StrCat(data, "/resnet20_cifar10/resnet20_cifar10.pt"))) {
      GTEST_SKIP() << "PARE_DATA names no folder with resnet20_cifar10/ and cifar10/";
    }
    data_ = data;
    exporters::register_exporters();
    quantization::register_quantization();
    test_ = loader(data::Split::kTest, {.batch_size = 100, .subset_size = kTestImages});
  }

  std::unique_ptr<data::ImageLoader> loader(data::Split split, data::ImageLoaderOptions options) const {
    auto dataset = data::make_dataset({.name = "cifar10", .dir = data_ + "/cifar10", .split = split});
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    options.transform = *data::default_transform("cifar10", (*dataset)->shape());
    auto loader = data::ImageLoader::create(*std::move(dataset), options);
    EXPECT_TRUE(loader.ok()) << loader.status();
    return *std::move(loader);
  }

  std::shared_ptr<graph::Model> import(const std::string& file = "resnet20_cifar10.pt") const {
    auto model = graph::import_torchscript(absl::StrCat(data_, "/resnet20_cifar10/", file), {});
    EXPECT_TRUE(model.ok()) << model.status();
    return *std::move(model);
  }

  // Calibrated on 300 training images.
  std::unique_ptr<CompressionAlgorithm> quantize(const std::shared_ptr<graph::Model>& model) const {
    const auto calibration =
        loader(data::Split::kTrain, {.batch_size = 100, .subset_size = 300, .random_subset = true});
    // Without VNNI, x86 adds products of int8 in 16 bits, where whole weights overflow; half of their levels do not.
    const std::string text = absl::StrFormat(kInt8, adds_int8_exactly() ? "disable" : "enable");
    const auto config = CompressionConfig::parse_text(text, "int8");
    EXPECT_TRUE(config.ok()) << config.status();
    auto compression =
        create_compressed_model(model, *config, {.data_loader = calibration.get(), .input_size = {{1, 3, 32, 32}}});
    EXPECT_TRUE(compression.ok()) << compression.status();
    return *std::move(compression);
  }

  int64_t right_answers(graph::Model& model) const {
    const auto result = training::evaluate(model, *test_);
    EXPECT_TRUE(result.ok()) << result.status();
    return result->correct;
  }

  // The class that each image is given.
  template <typename Classify>
  at::Tensor answers(const Classify& classify) const {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> all;
    EXPECT_TRUE(test_->start_epoch(0).ok());
    while (true) {
      const auto batch = test_->next();
      EXPECT_TRUE(batch.ok()) << batch.status();
      if (!batch->has_value()) return at::cat(all);
      all.push_back(classify((*batch)->inputs).argmax(1));
    }
  }

  std::string data_;
  std::unique_ptr<data::ImageLoader> test_;
};

TEST_F(ResNet20Test, TracedAndScriptedAreRightEquallyOften) {
  const int64_t traced = right_answers(*import("resnet20_cifar10.pt"));
  EXPECT_NEAR(static_cast<double>(traced), kRightInFloat32, 1);  // another processor may sum otherwise
  EXPECT_EQ(right_answers(*import("resnet20_cifar10_scripted.pt")), traced);
}

TEST_F(ResNet20Test, CalibrationCostsLittleAccuracy) {
  const auto model = import();
  const auto compression = quantize(model);
  EXPECT_TRUE(graph::validate(model->graph()).ok());
  EXPECT_GE(right_answers(*model), kRightInFloat32 - 5);  // a point
}

TEST_F(ResNet20Test, TheExportedFileAnswersTheSameInOnnxRuntime) {
  const std::string original = absl::StrCat(::testing::TempDir(), "/fp32.", ::getpid(), ".onnx");
  const std::string quantized = absl::StrCat(::testing::TempDir(), "/int8.", ::getpid(), ".onnx");
  const auto model = import();
  ASSERT_TRUE(graph::write_model(*model, {{1, 3, 32, 32}}, original).ok());
  const auto compression = quantize(model);
  const absl::Status exported = compression->export_model(quantized);
  ASSERT_TRUE(exported.ok()) << exported;
  // What is exported is what Pare computes from now on: with biases and scales as the file has them.
  const at::Tensor ours =
      answers([&](const std::vector<at::Tensor>& inputs) { return *model->forward_tensor(inputs); });
  const int64_t right = right_answers(*model);
  const double share = static_cast<double>(std::filesystem::file_size(quantized)) /
                       static_cast<double>(std::filesystem::file_size(original));
  EXPECT_LE(share, 0.32);
  auto runtime = exporters::OnnxRuntimeNode::start(quantized);
  std::filesystem::remove(original);
  std::filesystem::remove(quantized);
  if (runtime.status().code() == absl::StatusCode::kUnavailable) GTEST_SKIP() << runtime.status().message();
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  const at::Tensor theirs = answers([&](const std::vector<at::Tensor>& inputs) {
    auto outputs = (*runtime)->run(inputs);
    EXPECT_TRUE(outputs.ok()) << outputs.status();
    return outputs->at(0);
  });
  // 99.8%.
  EXPECT_GE(theirs.eq(ours).sum().item<int64_t>(), kTestImages - 1);
  const auto classify = [&](const data::Batch& batch) -> absl::StatusOr<at::Tensor> {
    auto outputs = (*runtime)->run(batch.inputs);
    if (!outputs.ok()) return outputs.status();
    return outputs->at(0);
  };
  const auto result = training::evaluate(classify, *test_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(static_cast<double>(result->correct), static_cast<double>(right), 1);
}

}  // namespace
}  // namespace pare
