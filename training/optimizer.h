// training/optimizer.h: SGD and Adam over a model's parameters.
//
//   PARE_ASSIGN_OR_RETURN(auto optimizer, Optimizer::create(*model, {.kind = OptimizerKind::kSgd, .momentum = 0.9}));
//   optimizer->zero_grad();
//   loss.backward();
//   PARE_RETURN_IF_ERROR(optimizer->step(/*learning_rate=*/0.01));
//
// The updates are LibTorch's own (torch::optim). Parameters are in two groups, of which only the first decays:
//   decayed      weights: parameters of two or more dimensions that an operator uses
//   not decayed  biases and the scales of norms (one dimension), and what compression has added (quantizers' ranges):
//                pulling those to zero makes ranges narrower than the data asks for
// A parameter that does not require a gradient is left alone.

#ifndef PARE_TRAINING_OPTIMIZER_H_
#define PARE_TRAINING_OPTIMIZER_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/model.h"

namespace pare::training {

enum class OptimizerKind { kSgd, kAdam, kAdamW };

// "sgd", "adam", "adamw". InvalidArgument, with the choices, for another name.
absl::StatusOr<OptimizerKind> parse_optimizer_kind(std::string_view name);
std::string to_string(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  double weight_decay = 1e-4;           // >= 0; added to the gradient (SGD, Adam) or taken off the weight (AdamW)
  bool decay_norms_and_biases = false;  // puts one-dimensional parameters that operators use into the decayed group
  double momentum = 0.9;                // SGD: in [0, 1)
  bool nesterov = false;                // SGD: needs a momentum
  double beta1 = 0.9, beta2 = 0.999;    // Adam, AdamW: in [0, 1)
  double epsilon = 1e-8;                // Adam, AdamW: > 0
};

// InvalidArgument if an option is out of its range, a NaN included.
absl::Status check_optimizer_options(const OptimizerOptions& options);

// Whether `parameter` was added by a compression method: it is used, and only as a further input of transforms.
bool is_compression_parameter(const graph::Value& parameter);

class Optimizer {
 public:
  // InvalidArgument if an option is out of its range, FailedPrecondition if the model has nothing to train.
  static absl::StatusOr<std::unique_ptr<Optimizer>> create(const graph::Model& model, const OptimizerOptions& options);
  ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  void zero_grad();

  // One update from the gradients that are there. The factor is of the options' weight decay, in this step.
  absl::Status step(double learning_rate, double weight_decay_factor = 1.0);

  // The 2-norm of all gradients together: one number on their device, where it costs no wait. NaN or infinite if a
  // gradient is.
  at::Tensor gradient_norm() const;
  void scale_gradients(double factor);

  // Whether the parameters are still the model's: a method that puts other tensors in their place (ranges of another
  // shape) makes an optimizer stale.
  bool is_current(const graph::Model& model) const;

  // Momenta, counts and the like, as bytes; a loaded optimizer goes on bit for bit. load_state() needs an optimizer of
  // the same kind over the same parameters, on whatever device: else InvalidArgument.
  absl::StatusOr<std::string> save_state() const;
  absl::Status load_state(const std::string& bytes);

 private:
  struct Impl;
  explicit Optimizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_OPTIMIZER_H_
