// Pruned networks, quantized or not, in files and in ONNX Runtime.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compression/composite.h"
#include "compression/create.h"
#include "compression/pruning/register_pruning.h"
#include "compression/pruning/testing.h"
#include "compression/quantization/register_quantization.h"
#include "data/data_loader.h"
#include "export/onnxruntime/onnxruntime_node.h"
#include "export/register_exporters.h"
#include "graph/validate.h"
#include "models/mobilenet_v2.h"
#include "models/resnet.h"
#include "models/vision_transformer.h"

namespace pare::pruning {
namespace {

class Batches : public data::DataLoader {
 public:
  explicit Batches(std::vector<int64_t> shape) : shape_(std::move(shape)) {}
  absl::Status start_epoch(int64_t) override {
    next_ = 0;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<data::Batch>> next() override {
    if (next_ == num_batches()) return std::nullopt;
    data::Batch batch;
    batch.inputs = {images(shape_, batch_size(), static_cast<uint64_t>(100 + next_++))};
    batch.targets = at::zeros({batch_size()}, at::kLong);
    return batch;
  }
  int64_t num_batches() const override { return 4; }
  int64_t num_samples() const override { return num_batches() * batch_size(); }
  int64_t batch_size() const override { return 8; }

 private:
  std::vector<int64_t> shape_;
  int64_t next_ = 0;
};

struct Case {
  std::string name;
  std::function<absl::StatusOr<models::BuiltModel>()> build;
  std::vector<int64_t> shape;
};

class PrunedExport : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    exporters::register_exporters();
    quantization::register_quantization();
    register_pruning();
  }
  void SetUp() override {
    onnx_ = absl::StrCat(::testing::TempDir(), "/pruned.", GetParam().name, ".", ::getpid(), ".onnx");
    torchscript_ = absl::StrCat(::testing::TempDir(), "/pruned.", GetParam().name, ".", ::getpid(), ".pt");
  }
  void TearDown() override {
    std::filesystem::remove(onnx_);
    std::filesystem::remove(torchscript_);
  }
  at::Tensor input() const { return images(GetParam().shape, 3); }

  std::unique_ptr<CompressionAlgorithm> compress(const std::string& methods, data::DataLoader& loader) const {
    const auto config = CompressionConfig::parse_text(absl::StrCat("{\"compression\": [", methods, "]}"), "test");
    EXPECT_TRUE(config.ok()) << config.status();
    auto made = create_compressed_model(import_built(GetParam().build()), *config,
                                        {.data_loader = &loader, .input_size = {GetParam().shape}});
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *std::move(made) : nullptr;
  }

  // What ONNX Runtime makes of the file; undefined where there is none.
  at::Tensor in_onnx_runtime() const {
    auto runtime = exporters::OnnxRuntimeNode::start(onnx_);
    if (runtime.status().code() == absl::StatusCode::kUnavailable) {
      std::cout << "no ONNX Runtime: " << runtime.status().message() << "\n";
      return {};
    }
    EXPECT_TRUE(runtime.ok()) << runtime.status();
    if (!runtime.ok()) return {};
    auto outputs = (*runtime)->run({input()});
    EXPECT_TRUE(outputs.ok()) << outputs.status();
    return outputs.ok() ? outputs->at(0) : at::Tensor();
  }

  static constexpr char kPruning[] = R"({"algorithm": "filter_pruning",
      "params": {"schedule": "baseline", "pruning_target": 0.5, "round_to": 1, "prune_first_conv": true,
                 "prune_downsample_convs": true}})";
  static constexpr char kQuantization[] = R"({"algorithm": "quantization", "initializer": {
      "range": {"num_init_samples": 32}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}})";
  std::string onnx_, torchscript_;
};

TEST_P(PrunedExport, FilesHoldTheSmallerModelWithTheSameAnswers) {
  Batches loader(GetParam().shape);
  const auto method = compress(kPruning, loader);
  ASSERT_NE(method, nullptr);
  const at::Tensor masked = run(*method->model(), input());
  absl::Status exported = method->export_model(onnx_);
  ASSERT_TRUE(exported.ok()) << exported;
  exported = method->export_model(torchscript_);
  ASSERT_TRUE(exported.ok()) << exported;
  torch::jit::Module module = torch::jit::load(torchscript_);
  EXPECT_LT(difference(module.forward({input()}).toTensor(), masked), 1e-5);
  const at::Tensor theirs = in_onnx_runtime();
  if (!theirs.defined()) GTEST_SKIP() << "the file could not be run: there is no ONNX Runtime";
  EXPECT_LT(difference(theirs, masked), 1e-4);
}

// A quantizer rounds what differs in the last bit to one step or to the next now and then: a few may differ.
void expect_nearly_the_same(const at::Tensor& one, const at::Tensor& other) {
  ASSERT_EQ(one.sizes(), other.sizes());
  const double scale = other.abs().max().item<double>();
  EXPECT_LT(one.sub(other).abs().mean().item<double>(), 0.01 * scale);
}

TEST_P(PrunedExport, QuantizedOnTopInEitherOrder) {
  for (const bool pruned_first : {true, false}) {
    Batches loader(GetParam().shape);
    const std::string methods =
        pruned_first ? absl::StrCat(kPruning, ",", kQuantization) : absl::StrCat(kQuantization, ",", kPruning);
    const auto method = compress(methods, loader);
    ASSERT_NE(method, nullptr);
    auto* composite = dynamic_cast<CompositeAlgorithm*>(method.get());
    ASSERT_NE(composite, nullptr);
    graph::Model& model = *method->model();
    const at::Tensor masked = run(model, input());
    // Cut while the quantizers are there, and trained on.
    auto* pruning = dynamic_cast<FilterPruning*>(composite->children()[pruned_first ? 0 : 1].get());
    const absl::Status cut = pruning->remove_pruned_channels();
    ASSERT_TRUE(cut.ok()) << cut;
    EXPECT_TRUE(graph::validate(model.graph()).ok());
    expect_nearly_the_same(run(model, input()), masked);
    train(model, input(), 2, 1e-3);
    const at::Tensor trained = run(model, input());
    const absl::Status exported = method->export_model(onnx_);
    ASSERT_TRUE(exported.ok()) << exported;
    expect_nearly_the_same(run(model, input()), trained);
    const at::Tensor theirs = in_onnx_runtime();
    if (theirs.defined()) expect_nearly_the_same(theirs, trained);
  }
}

// Exported as it was trained: masks, then quantizers, and all of it in one call.
TEST_P(PrunedExport, OneCallCutsAndLowers) {
  Batches loader(GetParam().shape);
  const auto method = compress(absl::StrCat(kPruning, ",", kQuantization), loader);
  ASSERT_NE(method, nullptr);
  const at::Tensor masked = run(*method->model(), input());
  ASSERT_TRUE(method->prepare_for_export().ok());
  for (const graph::Node* node : method->model()->graph().nodes()) EXPECT_FALSE(node->is_transform()) << node->name();
  expect_nearly_the_same(run(*method->model(), input()), masked);
}

INSTANTIATE_TEST_SUITE_P(
    All, PrunedExport,
    ::testing::Values(
        Case{"resnet20", [] { return models::make_resnet(models::kResNet20, {}); }, {1, 3, 32, 32}},
        Case{"mobilenet_v2",
             [] {
               return models::make_mobilenet_v2({.width_multiplier = 0.35, .small_images = true, .dropout = 0}, {});
             },
             {1, 3, 32, 32}},
        Case{"vision_transformer",
             [] { return models::make_vision_transformer({.patch_size = 8, .width = 48, .depth = 2, .heads = 4}, {}); },
             {1, 3, 32, 32}},
        Case{"grouped_net", make_grouped_net, {1, 3, 16, 16}},
        Case{"squeeze_excite_net", make_squeeze_excite_net, {1, 3, 16, 16}}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace pare::pruning
