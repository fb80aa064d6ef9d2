#include "compression/sparsity/masked_layers.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones_like.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/weight_conflicts.h"
#include "graph/hooks.h"
#include "ops/sparsity_masks.h"

namespace pare::sparsity {

at::Tensor SparsityMask::forward(at::ArrayRef<at::Tensor> inputs) {
  TORCH_CHECK(inputs.size() == 2, "a sparsity mask takes a weight and a mask");
  return ops::apply_mask(inputs[0], inputs[1]);
}

void MaskedLayer::set_mask(const at::Tensor& values) {
  TORCH_CHECK(values.sizes() == mask->tensor().sizes(), layer.weight->name(), ": a mask of shape ",
              mask->tensor().sizes(), " is expected, found ", values.sizes());
  mask->tensor().copy_(values);
}

int64_t MaskedLayer::num_zeros() const {
  return ops::count_zeros(mask == nullptr ? weight() : ops::apply_mask(weight(), mask->tensor()));
}

std::string owner_of(const AlgorithmConfig& config) { return absl::StrCat(config.name, " at ", config.path); }

absl::StatusOr<std::vector<MaskedLayer>> mask_layers(graph::Graph& graph, std::vector<WeightedLayer> layers,
                                                     const AlgorithmConfig& config) {
  std::vector<MaskedLayer> masked;
  for (WeightedLayer& layer : layers) {
    PARE_RETURN_IF_ERROR(check_weight_is_free(*layer.weight, WeightUse::kZeros, config));
    MaskedLayer& made = masked.emplace_back();
    PARE_ASSIGN_OR_RETURN(at::Tensor ones, guard_torch(layer.weight->name(), [&] {
                            const at::Tensor weight = layer.weight->tensor().detach();
                            return at::ones_like(weight, weight.options().dtype(at::kBool));
                          }));
    PARE_ASSIGN_OR_RETURN(made.mask,
                          graph.add_buffer(absl::StrCat(layer.weight->name(), ".sparsity_mask"), std::move(ones)));
    auto transform = std::make_shared<SparsityMask>();
    transform->set_owner(owner_of(config));
    PARE_ASSIGN_OR_RETURN(made.hook, graph::insert_weight_hook(graph, layer.weight, std::move(transform), {made.mask}));
    made.layer = std::move(layer);
  }
  return masked;
}

absl::Status fold_masks(graph::Graph& graph, std::vector<MaskedLayer>& layers) {
  for (MaskedLayer& masked : layers) {
    if (masked.mask == nullptr) continue;
    PARE_RETURN_IF_ERROR(guard_torch(masked.layer.weight->name(), [&] {
      const at::NoGradGuard no_grad;
      at::Tensor weight = masked.layer.weight->tensor();
      weight.copy_(ops::apply_mask(weight.detach(), masked.mask->tensor()));
    }));
    PARE_RETURN_IF_ERROR(graph::remove_hook(graph, masked.hook));
    PARE_RETURN_IF_ERROR(graph.remove_parameter(masked.mask));
    masked.mask = nullptr;
    masked.hook = nullptr;
  }
  return absl::OkStatus();
}

}  // namespace pare::sparsity
