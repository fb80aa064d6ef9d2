#include "compression/distillation/distillation_loss.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/softmax.h>
#include <c10/util/Exception.h>

#include <utility>
#include <vector>

namespace pare::distillation {

at::Tensor distillation_loss(const at::Tensor& student, const at::Tensor& teacher, const DistillationOptions& options) {
  TORCH_CHECK(student.sizes() == teacher.sizes(), "knowledge distillation: the student's output has shape ",
              student.sizes(), ", the teacher's ", teacher.sizes());
  if (options.kind == DistillationKind::kMse) return at::mse_loss(student, teacher).mul(options.scale);
  TORCH_CHECK(student.dim() >= 2,
              "knowledge distillation by softmax: an output [batch, classes, ...] is expected, "
              "found shape ",
              student.sizes(), "; use \"type\": \"mse\"");
  const double t = options.temperature;
  const at::Tensor target = at::softmax(teacher.div(t), 1);
  const at::Tensor cross_entropy = target.mul(at::log_softmax(student.div(t), 1)).sum(1).neg();
  return cross_entropy.mean().mul(options.scale * t * t);
}

DistillationLoss::DistillationLoss(std::shared_ptr<DistillationProbe> probe, std::unique_ptr<graph::Model> teacher,
                                   const DistillationOptions& options)
    : probe_(std::move(probe)), teacher_(std::move(teacher)), options_(options) {
  teacher_->eval();
}

at::Tensor DistillationLoss::forward() {
  const std::optional<DistillationProbe::Seen> seen = probe_->take();
  if (!seen.has_value()) return {};
  at::Tensor target;
  {
    const at::NoGradGuard no_grad;
    const auto& parameters = teacher_->graph().parameters();
    const auto device = seen->output.device();
    if (!parameters.empty() && parameters[0]->tensor().device() != device) {
      const absl::Status moved = teacher_->to(device);
      TORCH_CHECK(moved.ok(), "knowledge distillation: moving the teacher: ", std::string(moved.message()));
    }
    absl::StatusOr<at::Tensor> output = teacher_->forward_tensor(seen->inputs);
    TORCH_CHECK(output.ok(), "knowledge distillation: the teacher: ", std::string(output.status().message()));
    target = output->to(seen->output.scalar_type());
  }
  const at::Tensor loss = distillation_loss(seen->output, target, options_);
  last_ = loss.detach();
  return sample_weight_ == 1.0 ? loss : loss.mul(sample_weight_);
}

Statistics DistillationLoss::statistics() const {
  Statistics statistics;
  if (const std::optional<double> last = this->last()) statistics.set("distillation_loss", *last);
  return statistics;
}

std::optional<double> DistillationLoss::last() const {
  return last_.defined() ? std::optional<double>(last_.item<double>()) : std::nullopt;
}

void DistillationLoss::set_last(std::optional<double> last) {
  last_ = last ? at::full({}, *last, c10::kDouble) : at::Tensor();
}

}  // namespace pare::distillation
