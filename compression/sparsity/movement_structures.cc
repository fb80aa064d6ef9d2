#include "compression/sparsity/movement_structures.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/status_macros.h"
#include "compression/pruning/channel_labels.h"

namespace pare::sparsity {
namespace {

using pruning::Label;

constexpr int64_t kNone = -1;

struct Class {
  bool is_made = false;   // rows of our layers
  bool is_taken = false;  // columns of our layers
  bool is_foreign = false;
  int64_t structure = kNone;
};

// Of each index of the axis, whether it has a structure, and whether it is to stay: without one it is.
struct AxisMask {
  at::Tensor has_structure, stays;
};

AxisMask mask_of(const std::vector<int64_t>& places, const std::vector<bool>& living, const at::Tensor& like) {
  std::vector<uint8_t> has_structure, stays;
  for (const int64_t place : places) {
    has_structure.push_back(place != kNone);
    stays.push_back(place == kNone || living[static_cast<size_t>(place)]);
  }
  const auto to_mask = [&](const std::vector<uint8_t>& values) {
    return at::tensor(at::ArrayRef<uint8_t>(values), at::TensorOptions(at::kByte)).to(like.device(), at::kBool);
  };
  return {to_mask(has_structure), to_mask(stays)};
}

}  // namespace

absl::StatusOr<MovementStructures> MovementStructures::find(graph::Model& model,
                                                            const std::vector<std::vector<int64_t>>& input_size,
                                                            const std::vector<WeightedLayer>& layers) {
  PARE_ASSIGN_OR_RETURN(const pruning::ChannelLabels labels, pruning::ChannelLabels::analyze(model, input_size, {}));
  const auto axis_labels = [&](const WeightedLayer& layer, size_t axis) -> const std::vector<Label>& {
    return labels.tensor(layer.weight)->axes[axis].labels;
  };
  std::set<const graph::Value*> ours;
  for (const WeightedLayer& layer : layers) ours.insert(layer.weight);
  std::map<Label, Class> classes;
  for (const WeightedLayer& layer : find_weighted_layers(model.graph())) {
    // Where a reshape hides which axis is which, nothing is known of what its indices do.
    const bool is_ours = ours.count(layer.weight) > 0 && layer.output_axis.has_value() && layer.input_axis.has_value();
    // An embedding makes only: where the columns of all takers are zero it is unread. Tied to a linear layer it takes.
    if (std::all_of(layer.operators.begin(), layer.operators.end(),
                    [](const graph::Node* node) { return node->op() == "aten::embedding"; })) {
      continue;
    }
    for (size_t axis = 0; axis < labels.tensor(layer.weight)->rank(); ++axis) {
      for (const Label label : axis_labels(layer, axis)) {
        Class& found = classes[labels.sets().find(label)];
        if (!is_ours) found.is_foreign = true;
        if (layer.output_axis == static_cast<int64_t>(axis)) found.is_made = true;
        if (layer.input_axis == static_cast<int64_t>(axis)) found.is_taken = true;
      }
    }
  }
  MovementStructures structures;
  for (const WeightedLayer& layer : layers) {
    const auto places_on = [&](size_t axis) {
      std::vector<int64_t> places(static_cast<size_t>(layer.weight->tensor().size(static_cast<int64_t>(axis))), kNone);
      const std::vector<Label>& on_axis = axis_labels(layer, axis);
      for (size_t i = 0; i < on_axis.size(); ++i) {
        const Label root = labels.sets().find(on_axis[i]);
        Class& of_index = classes[root];
        if (!of_index.is_made || !of_index.is_taken || of_index.is_foreign || labels.sets().is_fixed(root)) continue;
        if (of_index.structure == kNone) of_index.structure = structures.size_++;
        places[i] = of_index.structure;
      }
      return places;
    };
    Places places{.rows = places_on(0)};
    places.columns = places_on(1);
    structures.places_.push_back(std::move(places));
  }
  return structures;
}

bool MovementStructures::fit(const std::vector<at::Tensor>& masks) const {
  return std::equal(masks.begin(), masks.end(), places_.begin(), places_.end(),
                    [](const at::Tensor& mask, const Places& places) {
                      return mask.dim() == 2 && mask.size(0) == static_cast<int64_t>(places.rows.size()) &&
                             mask.size(1) == static_cast<int64_t>(places.columns.size());
                    });
}

std::vector<bool> MovementStructures::living(const std::vector<at::Tensor>& masks) const {
  TORCH_CHECK(fit(masks), "masks of structures: the shapes that the weights had at first are expected");
  std::vector<bool> living(static_cast<size_t>(size_), false);
  for (size_t i = 0; i < masks.size(); ++i) {
    for (const int64_t axis : {0, 1}) {
      const std::vector<int64_t>& places = axis == 0 ? places_[i].rows : places_[i].columns;
      const at::Tensor kept = masks[i].any(1 - axis).cpu();
      const auto is_kept = kept.accessor<bool, 1>();
      for (size_t index = 0; index < places.size(); ++index) {
        if (places[index] != kNone && is_kept[static_cast<int64_t>(index)]) {
          living[static_cast<size_t>(places[index])] = true;
        }
      }
    }
  }
  return living;
}

std::vector<at::Tensor> MovementStructures::resolve(const std::vector<at::Tensor>& masks) const {
  const std::vector<bool> alive = living(masks);
  std::vector<at::Tensor> resolved;
  for (size_t i = 0; i < masks.size(); ++i) {
    const AxisMask rows = mask_of(places_[i].rows, alive, masks[i]);
    const AxisMask columns = mask_of(places_[i].columns, alive, masks[i]);
    const at::Tensor has_structure = rows.has_structure.unsqueeze(1).logical_or(columns.has_structure);
    resolved.push_back(at::where(has_structure, rows.stays.unsqueeze(1).logical_and(columns.stays), masks[i]));
  }
  return resolved;
}

}  // namespace pare::sparsity
