#include "compression/sparsity/rb_transform.h"

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "ops/rb_mask.h"

namespace pare::sparsity {

at::Tensor RbTransform::forward(at::ArrayRef<at::Tensor> inputs) {
  TORCH_CHECK(inputs.size() == 2, "a mask of regularization-based sparsity takes a weight and its logits");
  const bool draws = model_.is_training() && !is_frozen_;
  // A frozen mask does not learn: without gradients for the logits none are computed.
  const at::Tensor logits = is_frozen_ ? inputs[1].detach() : inputs[1];
  return ops::rb_sparsify(inputs[0], logits, seed_, draws ? draw_++ : draw_, draws);
}

nlohmann::json RbTransform::state() const { return {{"draw", draw_}, {"frozen", is_frozen_}}; }

absl::Status RbTransform::set_state(const nlohmann::json& state) {
  if (!state.is_object() || !state.contains("draw") || !state["draw"].is_number_unsigned() ||
      !state.contains("frozen") || !state["frozen"].is_boolean()) {
    return absl::InvalidArgumentError(
        "the state of a mask of regularization-based sparsity: expected \"draw\", an integer of at least 0, and "
        "\"frozen\", a boolean; the checkpoint is damaged or of another method");
  }
  draw_ = state["draw"].get<uint64_t>();
  is_frozen_ = state["frozen"].get<bool>();
  return absl::OkStatus();
}

}  // namespace pare::sparsity
