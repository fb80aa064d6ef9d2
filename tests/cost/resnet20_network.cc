#include "tests/cost/resnet20_network.h"

#include <torch/torch.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "compression/create.h"
#include "compression/quantization/register_quantization.h"
#include "compression/sparsity/register_sparsity.h"
#include "data/random_loader.h"
#include "graph/import.h"

namespace pare {
namespace {

void die_unless_ok(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::exit(1);
}

template <typename T>
T value_or_die(absl::StatusOr<T> result) {
  die_unless_ok(result.status());
  return *std::move(result);
}

}  // namespace

Network::Network(c10::Device device) : device_(device) {
  built_ = value_or_die(models::make_model("resnet20", {}));
  model_ = value_or_die(graph::import_module(
      *built_.module, [this](const std::vector<at::Tensor>& inputs) { return built_.forward(inputs[0]); },
      {at::zeros(built_.input_shape)}));
  if (!device_.is_cpu()) {
    built_.module->to(device_);
    die_unless_ok(model_->to(device_));
  }
  built_.module->train();
  model_->train();
}

void Network::quantize() {
  quantization::register_quantization();
  compress(R"({"compression": {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 64},
              "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}}})");
}

void Network::sparsify(const std::string& algorithm) {
  sparsity::register_sparsity();
  compress(R"({"compression": {"algorithm": ")" + algorithm +
           R"(", "params": {"sparsity_target": 0.5, "sparsity_target_epoch": 0}}})");
}

void Network::compress(const std::string& text) {
  const auto config = value_or_die(CompressionConfig::parse_text(text, "config"));
  auto loader = value_or_die(data::RandomLoader::create({.inputs = {{.shape = {64, 3, 32, 32}}}, .num_batches = 1}));
  compression_ = value_or_die(
      create_compressed_model(model_, config, {.data_loader = loader.get(), .input_size = {built_.input_shape}}));
  model_->train();
}

void Network::step_module(const at::Tensor& images, const at::Tensor& targets) {
  at::cross_entropy_loss(built_.forward(images), targets).backward();
  for (at::Tensor& parameter : built_.module->parameters()) parameter.mutable_grad().reset();
}

void Network::step_graph(const at::Tensor& images, const at::Tensor& targets) {
  at::Tensor loss = at::cross_entropy_loss(value_or_die(model_->forward_tensor({images})), targets);
  if (compression_ != nullptr) {
    if (const at::Tensor extra = compression_->loss().forward(); extra.defined()) loss = loss.add(extra);
  }
  loss.backward();
  if (compression_ != nullptr) compression_->scheduler().step();
  model_->zero_grad();
}

at::Tensor random_images(int64_t batch, c10::Device device) { return at::randn({batch, 3, 32, 32}).to(device); }

at::Tensor random_targets(int64_t batch, c10::Device device) { return at::randint(10, {batch}, at::kLong).to(device); }

}  // namespace pare
