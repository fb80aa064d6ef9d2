#include "compression/quantization/lowering.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/status_macros.h"
#include "graph/hooks.h"
#include "ops/quantizer_grid.h"

namespace pare::quantization {

namespace {

using graph::Value;

absl::StatusOr<graph::Node*> add_affine(graph::Graph& graph, const InsertedQuantizer& inserted,
                                        const ops::AffineParameters& affine) {
  graph::Node* node = inserted.node;
  Value* x = node->input(0);
  Value* low = graph.add_constant(affine.code_low);
  Value* high = graph.add_constant(affine.code_high);
  const graph::NodePlace place{node, node->scope(), node->scope_types(), node->source()};
  const int64_t axis = inserted.quantizer->channel_axis();
  if (axis < 0) {
    Value* scale = graph.add_constant(static_cast<double>(affine.scale[0]));
    Value* zero_point = graph.add_constant(static_cast<int64_t>(affine.zero_point[0]));
    return graph.add_operator("aten::fake_quantize_per_tensor_affine", "", {x, scale, zero_point, low, high}, place);
  }
  const int64_t channels = static_cast<int64_t>(affine.scale.size());
  const at::Tensor scale = at::empty({channels}, c10::kFloat);
  const at::Tensor zero_point = at::empty({channels}, c10::kInt);
  std::copy(affine.scale.begin(), affine.scale.end(), scale.data_ptr<float>());
  std::copy(affine.zero_point.begin(), affine.zero_point.end(), zero_point.data_ptr<int32_t>());
  const c10::Device device = inserted.quantizer->parameters()[0]->tensor().device();
  return graph.add_operator("aten::fake_quantize_per_channel_affine", "",
                            {x, graph.add_constant(scale.to(device)), graph.add_constant(zero_point.to(device)),
                             graph.add_constant(axis), low, high},
                            place);
}

}  // namespace

absl::Status lower_quantizers(graph::Graph& graph, const std::vector<InsertedQuantizer>& quantizers) {
  std::vector<std::optional<ops::AffineParameters>> affine;  // nullopt: the quantizer is off
  for (const InsertedQuantizer& inserted : quantizers) {
    affine.emplace_back();
    if (!inserted.quantizer->is_enabled()) continue;
    PARE_ASSIGN_OR_RETURN(affine.back(), inserted.quantizer->affine_parameters());
  }
  std::set<Value*> parameters;
  for (size_t i = 0; i < quantizers.size(); ++i) {
    const InsertedQuantizer& inserted = quantizers[i];
    parameters.insert(inserted.quantizer->parameters().begin(), inserted.quantizer->parameters().end());
    if (affine[i].has_value()) {
      PARE_ASSIGN_OR_RETURN(const graph::Node* lowered, add_affine(graph, inserted, *affine[i]));
      PARE_RETURN_IF_ERROR(graph.replace_uses(inserted.node->output(), lowered->output()));
      PARE_RETURN_IF_ERROR(graph.remove(inserted.node));
    } else {
      PARE_RETURN_IF_ERROR(graph::remove_hook(graph, inserted.node));
    }
    inserted.quantizer->attach({});
  }
  for (Value* parameter : parameters) PARE_RETURN_IF_ERROR(graph.remove_parameter(parameter));
  return absl::OkStatus();
}

}  // namespace pare::quantization
