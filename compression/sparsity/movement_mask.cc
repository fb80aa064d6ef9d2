#include "compression/sparsity/movement_mask.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "nlohmann/json.hpp"
#include "ops/sparsity_masks.h"

namespace pare::sparsity {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// [R, C] as [R / rows, rows, C / columns, columns]: cutting dimensions needs no copy, whatever the strides.
at::Tensor in_cells(const at::Tensor& weight, Cell cell) {
  return weight.view({weight.size(0) / cell.rows, cell.rows, weight.size(1) / cell.columns, cell.columns});
}

// A cell's number beside the weights of in_cells(), to broadcast.
at::Tensor beside_cells(const at::Tensor& scores) { return scores.unsqueeze(1).unsqueeze(3); }

at::Tensor zero_below(const at::Tensor& x, const at::Tensor& dropped, Cell cell) {
  return in_cells(x, cell).masked_fill(beside_cells(dropped), 0).reshape(x.sizes());
}

// !(>): a NaN is dropped.
at::Tensor dropped_cells(const at::Tensor& scores, double threshold) { return scores.gt(threshold).logical_not(); }

class SparsifyFunction : public torch::autograd::Function<SparsifyFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const at::Tensor& scores, Cell cell,
                            double threshold) {
    const at::Tensor dropped = dropped_cells(scores, threshold);
    context->save_for_backward({weight, dropped});
    context->saved_data["rows"] = cell.rows;
    context->saved_data["columns"] = cell.columns;
    context->saved_data["type"] = scores.scalar_type();
    return zero_below(weight, dropped, cell);
  }

  static variable_list backward(AutogradContext* context, variable_list dy) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &weight = saved[0], &dropped = saved[1];
    const Cell cell{context->saved_data["rows"].toInt(), context->saved_data["columns"].toInt()};
    const at::ScalarType type = context->saved_data["type"].toScalarType();
    at::Tensor d_weight, d_scores;
    if (context->needs_input_grad(0)) d_weight = zero_below(dy[0], dropped, cell);
    if (context->needs_input_grad(1)) {
      // In the scores' type from here on: products of half-precision numbers underflow.
      d_scores = in_cells(dy[0].to(type).mul(weight.to(type)), cell).sum({1, 3}, /*keepdim=*/false);
    }
    return {d_weight, d_scores, {}, {}};
  }
};

}  // namespace

at::Tensor expand_cells(const at::Tensor& scores, Cell cell) {
  return beside_cells(scores)
      .expand({scores.size(0), cell.rows, scores.size(1), cell.columns})
      .reshape({scores.size(0) * cell.rows, scores.size(1) * cell.columns});
}

at::Tensor movement_mask(const at::Tensor& scores, Cell cell, double threshold) {
  return expand_cells(scores.gt(threshold), cell);
}

at::Tensor movement_sparsify(const at::Tensor& weight, const at::Tensor& scores, Cell cell, double threshold) {
  TORCH_CHECK(weight.dim() == 2 && scores.dim() == 2 && weight.size(0) == scores.size(0) * cell.rows &&
                  weight.size(1) == scores.size(1) * cell.columns,
              "a mask of movement sparsity with cells of ", cell.rows, " x ", cell.columns,
              ": a weight of two dimensions and a score a cell are expected, found shapes ", weight.sizes(), " and ",
              scores.sizes());
  if (at::GradMode::is_enabled() && (weight.requires_grad() || scores.requires_grad())) {
    return SparsifyFunction::apply(weight, scores, cell, threshold);
  }
  return zero_below(weight, dropped_cells(scores, threshold), cell);
}

at::Tensor MovementTransform::forward(at::ArrayRef<at::Tensor> inputs) {
  TORCH_CHECK(inputs.size() == 3, "a mask of movement sparsity takes a weight, its scores and a resolved mask");
  // Not by the scores then: an optimizer's momentum may still move them.
  if (is_frozen_) return ops::apply_mask(inputs[0], inputs[2]);
  return movement_sparsify(inputs[0], inputs[1], cell_, threshold_);
}

nlohmann::json MovementTransform::state() const {
  nlohmann::json threshold;  // JSON has no infinity
  if (std::isfinite(threshold_)) threshold = threshold_;
  return {{"threshold", threshold}, {"frozen", is_frozen_}};
}

absl::Status MovementTransform::set_state(const nlohmann::json& state) {
  const auto threshold = state.is_object() ? state.find("threshold") : state.end();
  if (!state.is_object() || threshold == state.end() || !(threshold->is_number() || threshold->is_null()) ||
      !state.contains("frozen") || !state["frozen"].is_boolean()) {
    return absl::InvalidArgumentError(
        "the state of a mask of movement sparsity: expected \"threshold\", a number or null, and \"frozen\", a "
        "boolean; the checkpoint is damaged or of another method");
  }
  threshold_ = threshold->is_null() ? kKeepsAll : threshold->get<double>();
  is_frozen_ = state["frozen"].get<bool>();
  return absl::OkStatus();
}

}  // namespace pare::sparsity
