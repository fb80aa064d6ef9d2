#include "training/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_archive.h"
#include "base/torch_guard.h"

namespace pare::training {
namespace {

absl::Status check(bool holds, const char* what, double value, const char* expected) {
  if (holds) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("optimizer: ", what, " is ", value, ", expected ", expected));
}

std::unique_ptr<torch::optim::Optimizer> make_optimizer(std::vector<torch::optim::OptimizerParamGroup> groups,
                                                        const OptimizerOptions& options) {
  // The rate is set before every step; this one is never used.
  constexpr double kNoRate = 0.0;
  const std::tuple<double, double> betas(options.beta1, options.beta2);
  switch (options.kind) {
    case OptimizerKind::kAdam:
      return std::make_unique<torch::optim::Adam>(std::move(groups),
                                                  torch::optim::AdamOptions(kNoRate).betas(betas).eps(options.epsilon));
    case OptimizerKind::kAdamW:
      return std::make_unique<torch::optim::AdamW>(
          std::move(groups), torch::optim::AdamWOptions(kNoRate).betas(betas).eps(options.epsilon));
    case OptimizerKind::kSgd:
      break;
  }
  return std::make_unique<torch::optim::SGD>(
      std::move(groups), torch::optim::SGDOptions(kNoRate).momentum(options.momentum).nesterov(options.nesterov));
}

std::unique_ptr<torch::optim::OptimizerOptions> group_options(const OptimizerOptions& options, double weight_decay) {
  constexpr double kNoRate = 0.0;
  const std::tuple<double, double> betas(options.beta1, options.beta2);
  switch (options.kind) {
    case OptimizerKind::kAdam:
      return std::make_unique<torch::optim::AdamOptions>(
          torch::optim::AdamOptions(kNoRate).betas(betas).eps(options.epsilon).weight_decay(weight_decay));
    case OptimizerKind::kAdamW:
      return std::make_unique<torch::optim::AdamWOptions>(
          torch::optim::AdamWOptions(kNoRate).betas(betas).eps(options.epsilon).weight_decay(weight_decay));
    case OptimizerKind::kSgd:
      break;
  }
  return std::make_unique<torch::optim::SGDOptions>(torch::optim::SGDOptions(kNoRate)
                                                        .momentum(options.momentum)
                                                        .nesterov(options.nesterov)
                                                        .weight_decay(weight_decay));
}

void set_weight_decay(torch::optim::OptimizerOptions& group, const OptimizerOptions& options, double weight_decay) {
  switch (options.kind) {
    case OptimizerKind::kAdam:
      static_cast<torch::optim::AdamOptions&>(group).weight_decay(weight_decay);
      return;
    case OptimizerKind::kAdamW:
      static_cast<torch::optim::AdamWOptions&>(group).weight_decay(weight_decay);
      return;
    case OptimizerKind::kSgd:
      static_cast<torch::optim::SGDOptions&>(group).weight_decay(weight_decay);
      return;
  }
}

void for_each_tensor(torch::optim::OptimizerParamState& state, OptimizerKind kind,
                     const std::function<void(at::Tensor&)>& visit) {
  switch (kind) {
    case OptimizerKind::kAdam: {
      auto& adam = static_cast<torch::optim::AdamParamState&>(state);
      for (at::Tensor* each : {&adam.exp_avg(), &adam.exp_avg_sq(), &adam.max_exp_avg_sq()}) visit(*each);
      return;
    }
    case OptimizerKind::kAdamW: {
      auto& adam = static_cast<torch::optim::AdamWParamState&>(state);
      for (at::Tensor* each : {&adam.exp_avg(), &adam.exp_avg_sq(), &adam.max_exp_avg_sq()}) visit(*each);
      return;
    }
    case OptimizerKind::kSgd:
      visit(static_cast<torch::optim::SGDParamState&>(state).momentum_buffer());
      return;
  }
}

void move_state(torch::optim::Optimizer& optimizer, OptimizerKind kind, c10::Device device) {
  for (auto& entry : optimizer.state()) {
    for_each_tensor(*entry.second, kind, [&](at::Tensor& tensor) {
      if (tensor.defined()) tensor = tensor.to(device);
    });
  }
}

// The number of the group of parameters that decay.
constexpr size_t kDecayed = 0;

// What a parameter's own description must match before a state is loaded over it.
constexpr char kStateMark[] = "pare-optimizer";

}  // namespace

struct Optimizer::Impl {
  OptimizerOptions options;
  std::vector<at::Tensor> parameters;  // all of the model's, trained or not
  std::unique_ptr<torch::optim::Optimizer> optimizer;

  // Of the parameters that it trains: a model is on one device.
  c10::Device device() const {
    for (const auto& group : optimizer->param_groups()) {
      if (!group.params().empty()) return group.params().front().device();
    }
    return c10::Device(c10::kCPU);
  }

  // Another optimizer over the same parameters, with no state yet.
  std::unique_ptr<torch::optim::Optimizer> make_another() const {
    std::vector<torch::optim::OptimizerParamGroup> groups = optimizer->param_groups();
    return make_optimizer(std::move(groups), options);
  }

  std::vector<at::Tensor> gradients() const {
    std::vector<at::Tensor> result;
    for (const auto& group : optimizer->param_groups()) {
      for (const at::Tensor& parameter : group.params()) {
        if (parameter.grad().defined()) result.push_back(parameter.grad());
      }
    }
    return result;
  }

  // One line that two optimizers share if the one can take the other's state.
  std::string signature() const {
    std::string text = absl::StrCat(kStateMark, " ", to_string(options.kind));
    for (const auto& group : optimizer->param_groups()) {
      absl::StrAppend(&text, " |");
      for (const at::Tensor& parameter : group.params()) {
        absl::StrAppend(&text, " ");
        for (int64_t size : parameter.sizes()) absl::StrAppend(&text, size, "x");
      }
    }
    return text + "\n";
  }
};

absl::Status check_optimizer_options(const OptimizerOptions& options) {
  // Comparisons are written so that a NaN fails them.
  PARE_RETURN_IF_ERROR(check(options.weight_decay >= 0.0 && std::isfinite(options.weight_decay), "the weight decay",
                             options.weight_decay, "a number of at least 0"));
  PARE_RETURN_IF_ERROR(
      check(options.momentum >= 0.0 && options.momentum < 1.0, "the momentum", options.momentum, "a number in [0, 1)"));
  PARE_RETURN_IF_ERROR(
      check(options.beta1 >= 0.0 && options.beta1 < 1.0, "beta1", options.beta1, "a number in [0, 1)"));
  PARE_RETURN_IF_ERROR(
      check(options.beta2 >= 0.0 && options.beta2 < 1.0, "beta2", options.beta2, "a number in [0, 1)"));
  PARE_RETURN_IF_ERROR(
      check(options.epsilon > 0.0 && std::isfinite(options.epsilon), "epsilon", options.epsilon, "a number above 0"));
  if (options.kind == OptimizerKind::kSgd && options.nesterov && options.momentum == 0.0) {
    return absl::InvalidArgumentError("optimizer: Nesterov's method needs a momentum above 0");
  }
  return absl::OkStatus();
}

absl::StatusOr<OptimizerKind> parse_optimizer_kind(std::string_view name) {
  for (OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
    if (name == to_string(kind)) return kind;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown optimizer \"", std::string(name), "\"; there are sgd, adam and adamw"));
}

std::string to_string(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::kSgd:
      return "sgd";
    case OptimizerKind::kAdam:
      return "adam";
    case OptimizerKind::kAdamW:
      return "adamw";
  }
  return "unknown";
}

bool is_compression_parameter(const graph::Value& parameter) {
  return parameter.is_parameter() && !parameter.uses().empty() &&
         std::all_of(parameter.uses().begin(), parameter.uses().end(), [](const graph::Use& use) {
           return use.user != nullptr && use.user->is_transform() && use.index > 0;
         });
}

Optimizer::Optimizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Optimizer::~Optimizer() = default;

absl::StatusOr<std::unique_ptr<Optimizer>> Optimizer::create(const graph::Model& model,
                                                             const OptimizerOptions& options) {
  PARE_RETURN_IF_ERROR(check_optimizer_options(options));
  std::vector<at::Tensor> decayed, not_decayed;
  for (const graph::Value* value : model.graph().parameters()) {
    const at::Tensor& tensor = value->tensor();
    if (!tensor.requires_grad()) continue;
    const bool decays = !is_compression_parameter(*value) && (tensor.dim() >= 2 || options.decay_norms_and_biases);
    (decays ? decayed : not_decayed).push_back(tensor);
  }
  if (decayed.empty() && not_decayed.empty()) {
    return absl::FailedPreconditionError(
        "the model has no parameter that requires a gradient: there is nothing to train");
  }
  return guard_torch("making the optimizer", [&] {
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    impl->parameters = model.parameters();
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(decayed, group_options(options, options.weight_decay));
    groups.emplace_back(not_decayed, group_options(options, 0.0));
    impl->optimizer = make_optimizer(std::move(groups), options);
    return std::unique_ptr<Optimizer>(new Optimizer(std::move(impl)));
  });
}

void Optimizer::zero_grad() {
  // Dropping the tensors saves a pass over memory that setting them to zero would make.
  for (const auto& group : impl_->optimizer->param_groups()) {
    for (at::Tensor parameter : group.params()) parameter.mutable_grad().reset();
  }
}

absl::Status Optimizer::step(double learning_rate, double weight_decay_factor) {
  return guard_torch("the optimizer's step", [&] {
    std::vector<torch::optim::OptimizerParamGroup>& groups = impl_->optimizer->param_groups();
    for (auto& group : groups) group.options().set_lr(learning_rate);
    set_weight_decay(groups[kDecayed].options(), impl_->options, impl_->options.weight_decay * weight_decay_factor);
    impl_->optimizer->step();
  });
}

at::Tensor Optimizer::gradient_norm() const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> norms;
  for (const at::Tensor& gradient : impl_->gradients()) norms.push_back(at::linalg_vector_norm(gradient, 2));
  return norms.empty() ? at::zeros({}, impl_->device()) : at::linalg_vector_norm(at::stack(norms), 2);
}

void Optimizer::scale_gradients(double factor) {
  const at::NoGradGuard no_grad;
  for (at::Tensor gradient : impl_->gradients()) gradient.mul_(factor);
}

bool Optimizer::is_current(const graph::Model& model) const {
  const std::vector<graph::Value*>& values = model.graph().parameters();
  if (values.size() != impl_->parameters.size()) return false;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i]->tensor().is_same(impl_->parameters[i])) return false;
  }
  return true;
}

absl::StatusOr<std::string> Optimizer::save_state() const {
  return guard_torch("saving the optimizer's state", [&] {
    torch::serialize::OutputArchive archive;
    if (impl_->device().is_cpu()) {
      impl_->optimizer->save(archive);
    } else {
      // A file from a GPU is to be read where there is none.
      const std::unique_ptr<torch::optim::Optimizer> copy = impl_->make_another();
      for (const auto& entry : impl_->optimizer->state()) copy->state()[entry.first] = entry.second->clone();
      move_state(*copy, impl_->options.kind, c10::Device(c10::kCPU));
      copy->save(archive);
    }
    std::ostringstream stream;
    archive.save_to(stream);
    return impl_->signature() + std::move(stream).str();
  });
}

absl::Status Optimizer::load_state(const std::string& bytes) {
  const std::string signature = impl_->signature();
  if (bytes.compare(0, signature.size(), signature) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the optimizer's state is of another optimizer than ", to_string(impl_->options.kind),
                     ", or of another model: resume with the same settings, or start anew"));
  }
  absl::Status checked;
  const absl::Status loading = guard_torch("loading the optimizer's state", [&] {
    // LibTorch keeps it as TorchScript, which is code.
    std::istringstream stream(bytes.substr(signature.size()));
    checked = check_torch_archive(stream, "the optimizer's state", TorchArchive::kScript);
    if (!checked.ok()) return;
    // LibTorch adds to a state that is there instead of replacing it: it is loaded into a new optimizer.
    std::unique_ptr<torch::optim::Optimizer> loaded = impl_->make_another();
    torch::serialize::InputArchive archive;
    archive.load_from(stream, c10::Device(c10::kCPU));
    loaded->load(archive);
    move_state(*loaded, impl_->options.kind, impl_->device());
    impl_->optimizer = std::move(loaded);
  });
  return checked.ok() ? loading : checked;
}

}  // namespace pare::training
