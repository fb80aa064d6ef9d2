#include "tests/resume/method_cases.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compression/create.h"
#include "config/compression_config.h"
#include "data/dataset.h"
#include "graph/import.h"
#include "graph/state.h"
#include "training/accuracy_aware.h"

namespace pare {
namespace {

constexpr int64_t kBatchSize = 8, kSide = 8, kClasses = 4;

template <typename T>
T value_of(absl::StatusOr<T> result, const std::string& what) {
  if (result.ok()) return *std::move(result);
  std::cerr << what << ": " << result.status() << std::endl;
  std::abort();
}

// Images whose class is the quarter that is bright.
class QuarterImages : public data::ImageDataset {
 public:
  explicit QuarterImages(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  data::ImageShape shape() const override { return {3, kSide, kSide}; }
  int64_t num_classes() const override { return kClasses; }
  absl::StatusOr<data::LabeledImage> image(int64_t index) const override {
    data::LabeledImage image;
    image.label = index % kClasses;
    uint32_t noise = static_cast<uint32_t>(index) * 2654435761u + 1;
    for (int64_t i = 0; i < 3 * kSide * kSide; ++i) {
      noise = noise * 1664525u + 1013904223u;
      const int64_t y = i / kSide % kSide, x = i % kSide;
      const bool is_bright = y / (kSide / 2) * 2 + x / (kSide / 2) == image.label;
      image.pixels.push_back(static_cast<uint8_t>((noise >> 25) + (is_bright ? 100 : 20)));
    }
    return image;
  }

 private:
  int64_t size_;
};

std::unique_ptr<data::ImageLoader> make_loader(int64_t size, bool trains, int workers = 0) {
  data::ImageLoaderOptions options{
      .batch_size = kBatchSize, .shuffle = trains, .augment = trains, .seed = 7, .num_workers = workers};
  options.transform.crop_padding = 1;
  options.transform.normalization = data::uniform_normalization(3, 0.3f, 0.25f);
  return value_of(data::ImageLoader::create(std::make_shared<QuarterImages>(size), options), "the images");
}

at::Tensor spread(std::vector<int64_t> shape, double frequency, double scale) {
  const int64_t count = c10::multiply_integers(shape);
  return at::sin(at::arange(1, count + 1, at::kFloat) * frequency).mul(scale).view(shape);
}

}  // namespace

std::shared_ptr<graph::Model> make_case_network() {
  torch::jit::Module module("Net");
  const auto parameter = [&](const char* name, at::Tensor tensor) {
    module.register_parameter(name, std::move(tensor).set_requires_grad(true), false);
  };
  parameter("conv1", spread({8, 3, 3, 3}, 12.9898, 0.4));
  parameter("conv2", spread({8, 8, 3, 3}, 78.233, 0.2));
  parameter("fc1", spread({16, 8}, 37.719, 0.5));
  parameter("bias1", at::zeros({16}));
  parameter("fc2", spread({kClasses, 16}, 4.581, 0.4));
  parameter("bias2", at::zeros({kClasses}));
  for (const char* norm : {"bn1", "bn2"}) {
    parameter(absl::StrCat(norm, "_weight").c_str(), at::ones({8}));
    parameter(absl::StrCat(norm, "_bias").c_str(), at::zeros({8}));
    module.register_buffer(absl::StrCat(norm, "_mean"), at::zeros({8}));
    module.register_buffer(absl::StrCat(norm, "_var"), at::ones({8}));
  }
  // Import makes a flag of it that follows the model's mode.
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(R"(
def forward(self, x):
    x = torch.conv2d(x, self.conv1, None, [1, 1], [1, 1])
    x = torch.relu(torch.batch_norm(x, self.bn1_weight, self.bn1_bias, self.bn1_mean, self.bn1_var, self.training, 0.1, 1e-5, False))
    x = torch.conv2d(x, self.conv2, None, [2, 2], [1, 1])
    x = torch.relu(torch.batch_norm(x, self.bn2_weight, self.bn2_bias, self.bn2_mean, self.bn2_var, self.training, 0.1, 1e-5, False))
    x = torch.dropout(x.mean([2, 3]), 0.2, self.training)
    x = torch.relu(torch.linear(x, self.fc1, self.bias1))
    return torch.linear(x, self.fc2, self.bias2)
)");
  return value_of(graph::import_torchscript(module, {.input_shapes = {{1, 3, kSide, kSide}}}), "the network");
}

const std::vector<MethodCase>& method_cases() {
  using training::OptimizerKind;
  static const std::vector<MethodCase>* const cases = new std::vector<MethodCase>{
      {.name = "none", .config = ""},
      {.name = "none_adam_frozen_norm",
       .config = "",
       .optimizer = OptimizerKind::kAdam,
       .learning_rate = 0.003,
       .freeze_batch_norm_epoch = 1.5},
      {.name = "int8", .config = R"({"compression": {"algorithm": "quantization", "compression_lr_multiplier": 3,
          "initializer": {"range": {"num_init_samples": 16},
                          "batchnorm_adaptation": {"num_bn_adaptation_samples": 24}}}})"},
      // Batch norms are frozen when the second switch adapts them.
      {.name = "staged_quantization",
       .config = R"({"compression": {"algorithm": "quantization",
          "params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2,
                     "lr_poly_drop_start_epoch": 2, "lr_poly_drop_duration_epochs": 5, "disable_wd_start_epoch": 3},
          "initializer": {"range": {"num_init_samples": 16},
                          "batchnorm_adaptation": {"num_bn_adaptation_samples": 24}}}})",
       .optimizer = OptimizerKind::kAdamW,
       .learning_rate = 0.003,
       .freeze_batch_norm_epoch = 1.6},
      {.name = "mixed_precision", .config = R"({"compression": {"algorithm": "quantization",
          "initializer": {"range": {"num_init_samples": 16}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0},
                          "precision": {"type": "hawq", "bits": [2, 4, 8], "compression_ratio": 1.5,
                                        "num_data_points": 8, "iter_number": 3}}}})"},
      {.name = "binarization", .config = R"({"compression": {"algorithm": "binarization", "mode": "xnor",
          "params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2},
          "initializer": {"range": {"num_init_samples": 16}}}})"},
      {.name = "magnitude_sparsity", .config = R"({"compression": {"algorithm": "magnitude_sparsity",
          "sparsity_init": 0.1, "params": {"schedule": "polynomial", "sparsity_target": 0.7,
          "sparsity_target_epoch": 3, "sparsity_freeze_epoch": 3, "update_per_optimizer_step": true}}})"},
      {.name = "rb_sparsity",
       .config = R"({"compression": {"algorithm": "rb_sparsity", "sparsity_init": 0.1,
          "compression_lr_multiplier": 50, "params": {"schedule": "exponential", "sparsity_target": 0.5,
          "sparsity_target_epoch": 2, "sparsity_freeze_epoch": 3}}})",
       .optimizer = OptimizerKind::kAdam,
       .learning_rate = 0.01},
      {.name = "rb_sparsity_adaptive",
       .config = R"({"compression": {"algorithm": "rb_sparsity",
          "sparsity_init": 0.02, "params": {"schedule": "adaptive", "sparsity_target": 0.1, "patience": 1, "step": 0.04,
          "sparsity_target_epoch": 3, "sparsity_freeze_epoch": 4}}})",
       .optimizer = OptimizerKind::kAdam,
       .learning_rate = 0.05},
      {.name = "movement_sparsity",
       .config = R"({"compression": {"algorithm": "movement_sparsity",
          "params": {"warmup_start_epoch": 1, "warmup_end_epoch": 3, "importance_regularization_factor": 0.05}}})",
       .optimizer = OptimizerKind::kAdam,
       .learning_rate = 0.01},
      {.name = "n_of_m_sparsity", .config = R"({"compression": {"algorithm": "n_of_m_sparsity",
          "params": {"n": 2, "m": 4, "start_epoch": 1, "freeze_epoch": 3}}})"},
      {.name = "const_sparsity", .config = R"({"compression": {"algorithm": "const_sparsity"}})"},
      {.name = "filter_pruning", .config = R"({"compression": {"algorithm": "filter_pruning", "pruning_init": 0.1,
          "params": {"schedule": "exponential", "pruning_target": 0.4, "pruning_steps": 2,
                     "prune_first_conv": true, "round_to": 1}}})"},
      {.name = "filter_pruning_ranked", .config = R"({"compression": {"algorithm": "filter_pruning",
          "params": {"schedule": "exponential", "pruning_flops_target": 0.3, "pruning_steps": 2,
                     "prune_first_conv": true, "round_to": 1,
                     "interlayer_ranking_type": "learned_ranking",
                     "legr_params": {"generations": 2, "train_steps": 2, "max_pruning": 0.5, "population": 3,
                                     "sample": 2, "random_seed": 1}}}})"},
      {.name = "knowledge_distillation", .config = R"({"compression": {"algorithm": "knowledge_distillation",
          "type": "softmax", "temperature": 3}})"},
      {.name = "rb_int8_distillation",
       .config = R"({"compression": [
          {"algorithm": "rb_sparsity", "compression_lr_multiplier": 50,
           "params": {"schedule": "exponential", "sparsity_target": 0.5, "sparsity_target_epoch": 2,
                      "sparsity_freeze_epoch": 3}},
          {"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 16},
                                                        "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}},
          {"algorithm": "knowledge_distillation", "type": "mse"}]})",
       .optimizer = OptimizerKind::kAdam,
       .learning_rate = 0.01},
      {.name = "accuracy_aware",
       .config = R"({"accuracy_aware_training": {"mode": "adaptive_compression_level",
          "params": {"maximal_absolute_accuracy_degradation": 0.2, "initial_training_phase_epochs": 2,
                     "patience_epochs": 1, "maximal_total_epochs": 7}},
          "compression": {"algorithm": "magnitude_sparsity", "params": {"schedule": "polynomial",
          "sparsity_target": 0.4, "sparsity_target_epoch": 2, "sparsity_freeze_epoch": 2}}})",
       .epochs = 7},
  };
  return *cases;
}

const MethodCase& method_case(const std::string& name) {
  for (const MethodCase& each : method_cases()) {
    if (each.name == name) return each;
  }
  std::cerr << "there is no case " << name << std::endl;
  std::abort();
}

std::unique_ptr<CaseTraining> make_training(const MethodCase& each, const CaseOptions& options) {
  auto training = std::make_unique<CaseTraining>();
  training->train = make_loader(options.steps_per_epoch * kBatchSize, true, options.workers);
  training->eval = make_loader(3 * kBatchSize, false);
  training->calibration = make_loader(kStepsPerEpoch * kBatchSize, false);
  const std::shared_ptr<graph::Model> network = make_case_network();
  if (each.config.empty()) {
    training->algorithm =
        std::make_unique<CompressionAlgorithm>(network, AlgorithmConfig{}, InputSize{{1, 3, kSide, kSide}});
    return training;
  }
  const CompressionConfig config = value_of(CompressionConfig::parse_text(each.config, each.name), each.name);
  training->accuracy_aware = config.accuracy_aware_training;
  training->algorithm =
      value_of(create_compressed_model(network, config,
                                       {.data_loader = options.resumes ? nullptr : training->calibration.get(),
                                        .input_size = {{1, 3, kSide, kSide}}}),
               each.name);
  if (options.resumes) training->algorithm->set_data_loader(training->calibration.get());
  return training;
}

training::TrainOptions options_for(const MethodCase& each) {
  training::TrainOptions options;
  options.epochs = each.epochs;
  options.optimizer.kind = each.optimizer;
  options.learning_rate = {.base = each.learning_rate, .warmup_epochs = 0.5};
  options.freeze_batch_norm_epoch = each.freeze_batch_norm_epoch;
  options.max_gradient_norm = 5;
  options.seed = 3;
  options.config = {{"case", each.name}};
  options.progress.quiet = true;
  return options;
}

absl::Status run_training(CaseTraining& training, const training::TrainOptions& options) {
  if (!training.accuracy_aware) {
    return training::Trainer(*training.algorithm, *training.train, training.eval.get(), options).run().status();
  }
  constexpr double kUncompressedAccuracy = 0.5;
  return training::AccuracyAwareTraining(*training.algorithm, *training.train, training.eval.get(), options,
                                         *training.accuracy_aware, kUncompressedAccuracy)
      .run()
      .status();
}

std::map<std::string, std::string> bits_of(const CompressionAlgorithm& algorithm) {
  const graph::ModelState state = graph::get_state(*algorithm.model());
  std::map<std::string, std::string> bits;
  for (const auto& tensors : {state.tensors, algorithm.state_tensors()}) {
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor dense = tensor.contiguous();
      bits[absl::StrCat("tensor ", name)].append(static_cast<const char*>(dense.data_ptr()), dense.nbytes());
    }
  }
  for (const auto& [name, transform] : state.transforms) bits[absl::StrCat("transform ", name)] = transform.dump();
  bits["methods"] = algorithm.state().dump();
  return bits;
}

std::string difference(const std::map<std::string, std::string>& one, const std::map<std::string, std::string>& other) {
  std::string names;
  for (const auto& [name, bits] : one) {
    const auto found = other.find(name);
    if (found == other.end() || found->second != bits) absl::StrAppend(&names, name, "; ");
  }
  for (const auto& [name, bits] : other) {
    if (one.count(name) == 0) absl::StrAppend(&names, name, "; ");
  }
  return names;
}

}  // namespace pare
