#include "compression/quantization/insertion.h"

#include <ATen/ops/ones.h>

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "graph/device.h"
#include "graph/hooks.h"

namespace pare::quantization {

namespace {

absl::StatusOr<int64_t> initial_channels(const QuantizationPoint& point) {
  if (!point.config.per_channel || !point.is_weight) return 1;
  const at::Tensor& weight = point.value->tensor();
  if (point.channel_axis < 0 || point.channel_axis >= weight.dim()) {
    return absl::InvalidArgumentError(absl::StrCat("quantizer ", point.name, ": the weight has ", weight.dim(),
                                                   " dimensions, no channel axis ", point.channel_axis));
  }
  return weight.size(point.channel_axis);
}

absl::StatusOr<std::vector<graph::Value*>> add_parameters(graph::Graph& graph, const QuantizationPoint& point) {
  PARE_ASSIGN_OR_RETURN(const int64_t channels, initial_channels(point));
  // Of an activation nothing else tells where it will be.
  const at::TensorOptions options =
      at::TensorOptions(point.is_weight ? point.value->tensor().device() : device_of(graph)).dtype(c10::kFloat);
  std::vector<graph::Value*> parameters;
  for (const std::string& name : Quantizer::parameter_names(point.config)) {
    at::Tensor tensor = at::ones({channels}, options);
    tensor.set_requires_grad(true);
    PARE_ASSIGN_OR_RETURN(graph::Value * parameter,
                          graph.add_parameter(absl::StrCat(point.name, ".quantizer.", name), std::move(tensor)));
    parameters.push_back(parameter);
  }
  return parameters;
}

}  // namespace

absl::StatusOr<std::vector<InsertedQuantizer>> insert_quantizers(graph::Graph& graph, const QuantizerSetup& setup,
                                                                 Quantizer::Options options) {
  std::vector<InsertedQuantizer> inserted;
  std::map<int, size_t> first_of_group;  // group -> its first member's place in `inserted`
  for (const QuantizationPoint& point : setup.points) {
    options.is_weight = point.is_weight;
    options.channel_axis = point.channel_axis;
    InsertedQuantizer entry{point, std::make_shared<Quantizer>(point.name, point.config, options), nullptr};
    const auto group = first_of_group.find(point.unified_scale_group);
    if (point.unified_scale_group != -1 && group != first_of_group.end()) {
      const InsertedQuantizer& first = inserted[group->second];
      if (!(first.point.config == point.config)) {
        return absl::InvalidArgumentError(
            absl::StrCat("quantizers ", first.point.name, " (", to_string(first.point.config), ") and ", point.name,
                         " (", to_string(point.config), ") are to share one scale: give them the same config"));
      }
      entry.quantizer->attach(first.quantizer->parameters());
    } else {
      PARE_ASSIGN_OR_RETURN(std::vector<graph::Value*> parameters, add_parameters(graph, point));
      entry.quantizer->attach(std::move(parameters));
      if (point.unified_scale_group != -1) first_of_group[point.unified_scale_group] = inserted.size();
    }
    const auto insert = point.is_weight ? graph::insert_weight_hook : graph::insert_post_hook;
    PARE_ASSIGN_OR_RETURN(entry.node,
                          insert(graph, point.value, entry.quantizer, entry.quantizer->parameters(), point.uses));
    inserted.push_back(std::move(entry));
  }
  return inserted;
}

}  // namespace pare::quantization
