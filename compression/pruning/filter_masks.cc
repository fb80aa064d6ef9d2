#include "compression/pruning/filter_masks.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/weight_conflicts.h"
#include "graph/hooks.h"
#include "ops/sparsity_masks.h"

namespace pare::pruning {
namespace {

using graph::Value;

// Where the tensor is what flows through, not what a transform of another method takes beside.
std::vector<graph::Use> masked_uses(const Value& value) {
  std::vector<graph::Use> uses;
  for (const graph::Use& use : value.uses()) {
    if (use.user == nullptr || !use.user->is_transform() || use.index == 0) uses.push_back(use);
  }
  return uses;
}

}  // namespace

at::Tensor FilterMask::forward(at::ArrayRef<at::Tensor> inputs) {
  TORCH_CHECK(inputs.size() == 2, "a filter mask takes a tensor and a mask");
  return ops::apply_mask(inputs[0], inputs[1]);
}

absl::StatusOr<FilterMasks> FilterMasks::insert(graph::Graph& graph, const ChannelLabels& labels,
                                                const PruningUnits& units, const AlgorithmConfig& config) {
  FilterMasks masks;
  masks.num_units_ = units.units().size();
  for (Value* value : labels.stored()) {
    if (!labels.is_masked(value)) continue;
    Masked masked;
    masked.tensor = value;
    bool has_units = false;
    for (const Axis& axis : labels.tensor(value)->axes) {
      masked.units.push_back(units.units_of(axis, labels.sets()));
      has_units = has_units || !masked.units.back().empty();
    }
    if (!has_units) continue;
    PARE_RETURN_IF_ERROR(check_weight_is_free(*value, WeightUse::kRemoves, config));
    PARE_ASSIGN_OR_RETURN(at::Tensor ones, guard_torch(value->name(), [&] {
                            return at::ones(value->tensor().sizes(), value->tensor().options().dtype(at::kBool));
                          }));
    PARE_ASSIGN_OR_RETURN(masked.mask, graph.add_buffer(absl::StrCat(value->name(), ".filter_mask"), std::move(ones)));
    auto transform = std::make_shared<FilterMask>();
    transform->set_owner(absl::StrCat(config.name, " at ", config.path));
    PARE_ASSIGN_OR_RETURN(
        masked.hook, graph::insert_weight_hook(graph, value, std::move(transform), {masked.mask}, masked_uses(*value)));
    masks.masked_.push_back(std::move(masked));
  }
  return masks;
}

at::Tensor FilterMasks::mask_of(const Masked& masked, const RemovedUnits& removed) {
  at::Tensor mask = at::ones(masked.mask->tensor().sizes(), at::kBool);
  for (size_t axis = 0; axis < masked.units.size(); ++axis) {
    const std::vector<int32_t>& units = masked.units[axis];
    for (size_t i = 0; i < units.size(); ++i) {
      if (units[i] == kNoUnit || !removed[static_cast<size_t>(units[i])]) continue;
      mask.select(static_cast<int64_t>(axis), static_cast<int64_t>(i)).fill_(false);
    }
  }
  return mask;
}

void FilterMasks::set(const RemovedUnits& removed) {
  for (Masked& masked : masked_) masked.mask->tensor().copy_(mask_of(masked, removed));
}

absl::StatusOr<RemovedUnits> FilterMasks::removed() const {
  RemovedUnits removed(num_units_, true);
  std::string damaged;
  PARE_RETURN_IF_ERROR(guard_torch("the masks of filters", [&] {
    // On the CPU: a GPU would be waited for at each of the filters.
    std::vector<at::Tensor> masks;
    for (const Masked& masked : masked_) masks.push_back(masked.mask->tensor().cpu());
    for (size_t m = 0; m < masks.size(); ++m) {
      const Masked& masked = masked_[m];
      for (size_t axis = 0; axis < masked.units.size(); ++axis) {
        const std::vector<int32_t>& units = masked.units[axis];
        for (size_t i = 0; i < units.size(); ++i) {
          if (units[i] == kNoUnit || !removed[static_cast<size_t>(units[i])]) continue;
          const at::Tensor slice = masks[m].select(static_cast<int64_t>(axis), static_cast<int64_t>(i));
          if (slice.any().item<bool>()) removed[static_cast<size_t>(units[i])] = false;
        }
      }
    }
    for (size_t m = 0; m < masks.size(); ++m) {
      if (!at::equal(mask_of(masked_[m], removed), masks[m])) damaged = masked_[m].mask->name();
    }
  }));
  if (damaged.empty()) return removed;
  return absl::InvalidArgumentError(
      absl::StrCat(damaged, ": the mask is of no filters as a whole; the checkpoint is damaged, or of another config"));
}

std::vector<ChannelIndex> FilterMasks::channels(const PruningUnits& units, const RemovedUnits& removed) {
  std::vector<ChannelIndex> channels;
  for (size_t i = 0; i < removed.size(); ++i) {
    if (!removed[i]) continue;
    // One names them all.
    const PruningUnit::Filter& filter = units.units()[i].filters[0];
    const WeightedLayer& layer = units.layers()[filter.layer].layer;
    channels.push_back({layer.weight, *layer.output_axis, filter.index});
  }
  return channels;
}

absl::Status FilterMasks::take_out(graph::Graph& graph) {
  for (Masked& masked : masked_) {
    PARE_RETURN_IF_ERROR(graph::remove_hook(graph, masked.hook));
    PARE_RETURN_IF_ERROR(graph.remove_parameter(masked.mask));
  }
  masked_.clear();
  return absl::OkStatus();
}

}  // namespace pare::pruning
