// A training step of CIFAR ResNet-20 without the optimizer: the module itself, the graph, and the graph in INT8.
//
//   bazel run //tests/cost:resnet20_benchmark
//
// The argument is the batch size. `module_and_graph` runs the two in turn, so that a machine whose speed drifts treats
// both alike; its counters are the medians of both and of their ratio.

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "compression/create.h"
#include "compression/quantization/register_quantization.h"
#include "data/random_loader.h"
#include "graph/import.h"
#include "models/model_registry.h"
#include "training/freed_memory.h"

namespace pare {
namespace {

template <typename T>
T value_or_die(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    std::exit(1);
  }
  return *std::move(result);
}

// A network as a module and as a graph; they share their tensors.
struct Network {
  Network() {
    // As in Pare's programs. Without it the graph is some 7% slower than the module, for allocating in another order.
    training::keep_freed_memory();
    at::set_num_threads(2);
    built = value_or_die(models::make_model("resnet20", {}));
    model = value_or_die(graph::import_module(
        *built.module, [this](const std::vector<at::Tensor>& inputs) { return built.forward(inputs[0]); },
        {at::zeros(built.input_shape)}));
    built.module->train();
    model->train();
  }

  void quantize() {
    quantization::register_quantization();
    const auto config = value_or_die(CompressionConfig::parse_text(
        R"({"compression": {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 64},
            "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}}})",
        "config"));
    auto loader = value_or_die(data::RandomLoader::create({.inputs = {{.shape = {64, 3, 32, 32}}}, .num_batches = 1}));
    compression = value_or_die(
        create_compressed_model(model, config, {.data_loader = loader.get(), .input_size = {built.input_shape}}));
    model->train();
  }

  at::Tensor images(int64_t batch) const { return at::randn({batch, 3, 32, 32}); }

  void step_module(const at::Tensor& images, const at::Tensor& targets) {
    finish(built.forward(images), targets);
    for (at::Tensor& parameter : built.module->parameters()) parameter.mutable_grad().reset();
  }
  void step_graph(const at::Tensor& images, const at::Tensor& targets) {
    finish(value_or_die(model->forward_tensor({images})), targets);
    model->zero_grad();
  }
  static void finish(const at::Tensor& logits, const at::Tensor& targets) {
    at::cross_entropy_loss(logits, targets).backward();
  }

  models::BuiltModel built;
  std::shared_ptr<graph::Model> model;
  std::unique_ptr<CompressionAlgorithm> compression;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

double seconds(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Runs two steps in turn and reports both, and the ratio of the second to the first.
void compare(benchmark::State& state, const char* first_name, const std::function<void()>& first,
             const char* second_name, const std::function<void()>& second) {
  first();
  second();
  std::vector<double> of_first, of_second, ratios;
  for (auto _ : state) {
    of_first.push_back(seconds(first));
    of_second.push_back(seconds(second));
    ratios.push_back(of_second.back() / of_first.back());
  }
  state.counters[std::string(first_name) + "_ms"] = median(of_first) * 1e3;
  state.counters[std::string(second_name) + "_ms"] = median(of_second) * 1e3;
  state.counters["ratio"] = median(ratios);
}

void module_and_graph(benchmark::State& state) {
  Network network;
  const at::Tensor images = network.images(state.range(0)), targets = at::randint(10, {state.range(0)}, at::kLong);
  compare(
      state, "module", [&] { network.step_module(images, targets); }, "graph",
      [&] { network.step_graph(images, targets); });
}
BENCHMARK(module_and_graph)->Arg(8)->Arg(128)->Iterations(40)->UseRealTime()->Unit(benchmark::kMillisecond);

void module_and_int8(benchmark::State& state) {
  Network network, quantized;
  quantized.quantize();
  const at::Tensor images = network.images(state.range(0)), targets = at::randint(10, {state.range(0)}, at::kLong);
  compare(
      state, "module", [&] { network.step_module(images, targets); }, "int8",
      [&] { quantized.step_graph(images, targets); });
}
BENCHMARK(module_and_int8)->Arg(128)->Iterations(40)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pare
