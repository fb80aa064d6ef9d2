// Well-known networks, as torch.jit.trace writes them, through import, quantization and export.
//
// The traces are made by write_traces.py, which needs Python, and found through PARE_TRACES; without it these tests are
// skipped. Files are run in ONNX Runtime where it is there.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compression/create.h"
#include "compression/quantization/register_quantization.h"
#include "data/random_loader.h"
#include "export/onnxruntime/onnxruntime_node.h"
#include "export/register_exporters.h"
#include "export/torchscript_export.h"
#include "graph/exporters.h"
#include "graph/import.h"
#include "graph/validate.h"
#include "nlohmann/json.hpp"

namespace pare {
namespace {

std::string traces_folder() {
  const char* folder = std::getenv("PARE_TRACES");
  return folder == nullptr ? "" : folder;
}

// The traces that are there, or a word that makes the only test say that there are none.
std::vector<std::string> trace_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(traces_folder(), error)) {
    if (entry.path().extension() == ".pt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  if (names.empty()) names.push_back("none");
  return names;
}

class TracesTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "none") {
      GTEST_SKIP() << "PARE_TRACES names no folder with traces: make one with tests/traces/write_traces.py";
    }
    exporters::register_exporters();
    quantization::register_quantization();
    path_ = absl::StrCat(traces_folder(), "/", GetParam(), ".pt");
    std::ifstream file(absl::StrCat(traces_folder(), "/", GetParam(), ".json"));
    const auto description = nlohmann::json::parse(file);
    for (const auto& input : description["inputs"]) {
      data::RandomInput random{.shape = input["shape"].get<std::vector<int64_t>>()};
      if (input["dtype"] == "int64") {
        random.kind = data::RandomInput::kIntegers;
        random.high = input["below"].get<double>();
      }
      inputs_.push_back(random);
      shapes_.push_back(random.shape);
    }
    auto model = graph::import_torchscript(path_, {});
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *model;
    // Nothing has run yet that would tell the export.
    std::vector<c10::ScalarType> dtypes;
    for (const data::RandomInput& input : inputs_) {
      dtypes.push_back(input.kind == data::RandomInput::kIntegers ? c10::kLong : c10::kFloat);
    }
    model_->set_input_dtypes(std::move(dtypes));
    const absl::Status valid = graph::validate(model_->graph());
    ASSERT_TRUE(valid.ok()) << valid;
  }

  std::vector<at::Tensor> random_batch(int64_t size, uint64_t seed = 1) const {
    data::RandomLoaderOptions options{.inputs = inputs_, .num_batches = 1, .seed = seed};
    for (data::RandomInput& input : options.inputs) input.shape[0] = size;
    auto loader = data::RandomLoader::create(options);
    EXPECT_TRUE(loader.ok()) << loader.status();
    EXPECT_TRUE((*loader)->start_epoch(0).ok());
    return (*(*loader)->next())->inputs;
  }

  at::Tensor ours(const std::vector<at::Tensor>& inputs) {
    const at::NoGradGuard no_grad;
    auto output = model_->forward_tensor(inputs);
    EXPECT_TRUE(output.ok()) << output.status();
    return output.ok() ? *output : at::Tensor();
  }

  std::string onnx_path() const {
    return absl::StrCat(::testing::TempDir(), "/", GetParam(), ".", ::getpid(), ".onnx");
  }

  // Writes the model and compares what ONNX Runtime computes, at two batch sizes: the mean difference is to be below
  // `tolerance` of the output's deviation, or below `allowed`.
  void export_and_compare(double tolerance, double allowed = 0) {
    const std::string path = onnx_path();
    const absl::Status written = graph::write_model(*model_, shapes_, path);
    ASSERT_TRUE(written.ok()) << written;
    auto runtime = exporters::OnnxRuntimeNode::start(path, {.num_threads = 2});
    std::remove(path.c_str());
    if (runtime.status().code() == absl::StatusCode::kUnavailable) {
      std::cerr << "the file is not run: " << runtime.status().message() << "\n";
      return;
    }
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    for (int64_t batch : {2, 3}) {
      const auto inputs = random_batch(batch);
      const at::Tensor expected = ours(inputs);
      auto outputs = (*runtime)->run(inputs);
      ASSERT_TRUE(outputs.ok()) << outputs.status();
      ASSERT_EQ(outputs->at(0).sizes(), expected.sizes());
      const double difference = (outputs->at(0) - expected).abs().mean().item<double>();
      EXPECT_LE(difference, std::max(tolerance * expected.std().item<double>(), allowed)) << "batch " << batch;
    }
  }

  std::string path_;
  std::vector<data::RandomInput> inputs_;
  std::vector<std::vector<int64_t>> shapes_;
  std::shared_ptr<graph::Model> model_;
};

TEST_P(TracesTest, ImportComputesTheSameAtAnyBatchSize) {
  torch::jit::Module module = torch::jit::load(path_);
  const auto inputs = random_batch(2);
  at::Tensor expected;
  {
    const at::NoGradGuard no_grad;
    const c10::IValue output = module.forward({inputs.begin(), inputs.end()});
    expected = output.isTuple() ? output.toTupleRef().elements()[0].toTensor() : output.toTensor();
  }
  EXPECT_TRUE(at::allclose(ours(inputs), expected, 1e-4, 1e-5));
  std::vector<at::Tensor> more;
  for (const at::Tensor& input : inputs) more.push_back(at::cat({input, input.slice(0, 0, 1)}));
  const at::Tensor output = ours(more);
  ASSERT_EQ(output.size(0), 3);
  EXPECT_TRUE(at::allclose(output.slice(0, 0, 2), expected, 1e-3, 1e-4));
}

TEST_P(TracesTest, ExportsToOnnx) { export_and_compare(1e-4); }

TEST_P(TracesTest, QuantizesAndExports) {
  data::RandomLoaderOptions options{.inputs = inputs_, .num_batches = 2};
  for (data::RandomInput& input : options.inputs) input.shape[0] = 4;
  auto loader = data::RandomLoader::create(options);
  ASSERT_TRUE(loader.ok()) << loader.status();
  auto config = CompressionConfig::parse_text(
      R"({"compression": {"algorithm": "quantization", "preset": "mixed",
          "initializer": {"range": {"num_init_samples": 8}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}}})",
      "config");
  ASSERT_TRUE(config.ok()) << config.status();
  const at::Tensor original = ours(random_batch(2));
  auto compression = create_compressed_model(model_, *config, {.data_loader = loader->get(), .input_size = shapes_});
  ASSERT_TRUE(compression.ok()) << compression.status();
  const at::Tensor quantized = ours(random_batch(2));
  EXPECT_FALSE(quantized.equal(original)) << "nothing was quantized";
  const absl::Status prepared = (*compression)->prepare_for_export();
  ASSERT_TRUE(prepared.ok()) << prepared;
  const absl::Status valid = graph::validate(model_->graph());
  ASSERT_TRUE(valid.ok()) << valid;
  // With random weights a deep network is as sensitive as can be: one rounding that falls the other way, by the last
  // bit of a sum, grows from layer to layer until the two are as far apart as two independent roundings of the same
  // network.
  export_and_compare(0.05, 2 * (quantized - original).abs().mean().item<double>());
  auto bytes = exporters::to_torchscript(model_->graph());
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  std::istringstream stream(*bytes);
  torch::jit::Module module = torch::jit::load(stream);
  const auto inputs = random_batch(2);
  const at::NoGradGuard no_grad;
  const c10::IValue output = module.forward({inputs.begin(), inputs.end()});
  EXPECT_TRUE(at::allclose(output.isTuple() ? output.toTupleRef().elements()[0].toTensor() : output.toTensor(),
                           ours(inputs), 1e-4, 1e-5));
}

INSTANTIATE_TEST_SUITE_P(, TracesTest, ::testing::ValuesIn(trace_names()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pare
