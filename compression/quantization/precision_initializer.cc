#include "compression/quantization/precision_initializer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/sample_stream.h"
#include "compression/quantization/precision_search.h"
#include "compression/quantization/range_initializer.h"
#include "graph/device.h"
#include "graph/profile.h"

namespace pare::quantization {
namespace {

using graph::Node;

std::vector<const InsertedQuantizer*> weights_of(const std::vector<InsertedQuantizer>& quantizers) {
  std::vector<const InsertedQuantizer*> weights;
  for (const InsertedQuantizer& inserted : quantizers) {
    if (inserted.quantizer->is_weight()) weights.push_back(&inserted);
  }
  return weights;
}

absl::StatusOr<std::map<const Node*, double>> flops_of_nodes(graph::Model& model,
                                                             const std::vector<InsertedQuantizer>& quantizers,
                                                             const std::vector<std::vector<int64_t>>& input_size) {
  const QuantizersOff off(quantizers);
  const EvaluationMode evaluation(model);
  std::vector<at::Tensor> inputs;
  const std::vector<c10::ScalarType>& dtypes = model.input_dtypes();
  const c10::Device device = device_of(model.graph());
  for (size_t i = 0; i < input_size.size(); ++i) {
    const c10::ScalarType dtype = i < dtypes.size() ? dtypes[i] : c10::kFloat;
    inputs.push_back(at::zeros(input_size[i], at::TensorOptions(device).dtype(dtype)));
  }
  PARE_ASSIGN_OR_RETURN(const graph::ModelProfile profile, graph::profile_model(model, inputs));
  std::map<const Node*, double> flops;
  for (const graph::NodeProfile& node : profile.nodes) flops[node.node] = static_cast<double>(node.flops);
  return flops;
}

// ||Q(W) - W||^2 with so many bits, over the range that the quantizer has now.
absl::StatusOr<double> squared_error(const InsertedQuantizer& inserted, int bits) {
  return guard_torch(inserted.point.name, [&] {
    const at::NoGradGuard no_grad;
    Quantizer& quantizer = *inserted.quantizer;
    const int own_bits = quantizer.config().bits;
    std::vector<at::Tensor> inputs;
    for (const graph::Value* value : inserted.node->inputs()) {
      inputs.push_back(value->kind() == graph::Value::Kind::kNodeOutput ? inserted.point.value->tensor().detach()
                                                                        : value->tensor().detach());
    }
    const bool was_enabled = quantizer.is_enabled();
    quantizer.set_bits(bits);
    quantizer.set_enabled(true);
    const double error = quantizer.forward(inputs).sub(inputs[0]).to(c10::kDouble).square().sum().item<double>();
    quantizer.set_enabled(was_enabled);
    quantizer.set_bits(own_bits);
    return error;
  });
}

absl::Status choose_by_hessian(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                               const std::vector<const InsertedQuantizer*>& weights, const PrecisionSettings& settings,
                               data::DataLoader& loader, ProcessGroup* process_group, PrecisionOutcome& outcome) {
  std::vector<graph::Value*> values;
  for (const InsertedQuantizer* inserted : weights) values.push_back(inserted->point.value);
  std::vector<double> traces;
  {
    const QuantizersOff off(quantizers);
    PARE_ASSIGN_OR_RETURN(traces, average_hessian_traces(model, values, loader, settings.traces, process_group));
  }
  std::vector<PrecisionLayer> layers(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    layers[i].average_trace = traces[i];
    layers[i].flops = outcome.layers[i].flops;
    for (const int bits : settings.bits) {
      PARE_ASSIGN_OR_RETURN(const double error, squared_error(*weights[i], bits));
      layers[i].squared_errors.push_back(error);
    }
  }
  PARE_ASSIGN_OR_RETURN(const PrecisionChoice choice,
                        choose_precisions(layers, settings.bits, settings.compression_ratio));
  for (size_t i = 0; i < weights.size(); ++i) {
    LayerPrecision& layer = outcome.layers[i];
    layer.bits = choice.bits[i];
    layer.average_trace = traces[i];
    const auto index = std::find(settings.bits.begin(), settings.bits.end(), choice.bits[i]) - settings.bits.begin();
    layer.squared_error = layers[i].squared_errors[static_cast<size_t>(index)];
    layer.sensitivity = layer.average_trace * layer.squared_error;
  }
  return absl::OkStatus();
}

bool serves_one_of(const InsertedQuantizer& inserted, const ScopeSet& scope) {
  const auto& served = inserted.point.served;
  return std::any_of(served.begin(), served.end(), [&](const Node* node) { return scope.matches(*node); });
}

bool belongs_to(const InsertedQuantizer& inserted, const PrecisionSettings::Assignment& assignment) {
  using Part = PrecisionSettings::Part;
  if (assignment.part == Part::kOutput) {
    const Node* producer = inserted.point.value->producer();
    return !inserted.quantizer->is_weight() && producer != nullptr && assignment.scope.matches(*producer);
  }
  if (assignment.part == (inserted.quantizer->is_weight() ? Part::kInput : Part::kWeight)) return false;
  return serves_one_of(inserted, assignment.scope);
}

absl::Status assign_by_hand(const std::vector<InsertedQuantizer>& quantizers, const PrecisionSettings& settings) {
  for (const PrecisionSettings::Assignment& assignment : settings.assignments) {
    bool is_used = false;
    for (const InsertedQuantizer& inserted : quantizers) {
      if (!belongs_to(inserted, assignment)) continue;
      inserted.quantizer->set_bits(assignment.bits);
      is_used = true;
    }
    if (!is_used) {
      return absl::InvalidArgumentError(
          absl::StrCat(assignment.scope.path(),
                       ": no quantizer belongs to this scope; name a layer that is quantized, with |WEIGHT, "
                       "|INPUT or |OUTPUT at the end for one quantizer of it"));
    }
  }
  return absl::OkStatus();
}

// The bits of activations that follow from those of the weights beside them.
void set_activation_bits(const std::vector<InsertedQuantizer>& quantizers, const std::map<const Node*, int>& bits_of) {
  std::map<const graph::Value*, int> most;  // by the first parameter: shared scales share their bits
  std::set<const graph::Value*> fixed;
  for (const InsertedQuantizer& inserted : quantizers) {
    if (inserted.quantizer->is_weight()) continue;
    const graph::Value* key = inserted.quantizer->parameters()[0];
    for (const Node* node : inserted.point.served) {
      const auto found = bits_of.find(node);
      if (found == bits_of.end()) {
        fixed.insert(key);
      } else {
        most[key] = std::max(most[key], found->second);
      }
    }
  }
  for (const InsertedQuantizer& inserted : quantizers) {
    if (inserted.quantizer->is_weight()) continue;
    const graph::Value* key = inserted.quantizer->parameters()[0];
    if (fixed.count(key) == 0 && most.count(key) > 0) inserted.quantizer->set_bits(most[key]);
  }
}

}  // namespace

absl::StatusOr<PrecisionOutcome> initialize_precision(graph::Model& model,
                                                      const std::vector<InsertedQuantizer>& quantizers,
                                                      const PrecisionSettings& settings, data::DataLoader* loader,
                                                      const std::vector<std::vector<int64_t>>& input_size,
                                                      ProcessGroup* process_group) {
  const std::vector<const InsertedQuantizer*> weights = weights_of(quantizers);
  PARE_ASSIGN_OR_RETURN(auto flops, flops_of_nodes(model, quantizers, input_size));
  PrecisionOutcome outcome;
  for (const InsertedQuantizer* inserted : weights) {
    LayerPrecision& layer = outcome.layers.emplace_back();
    layer.name = inserted->point.name;
    for (const Node* node : inserted->point.served) layer.flops += flops[node];
  }
  if (settings.kind == PrecisionSettings::Kind::kManual) {
    PARE_RETURN_IF_ERROR(assign_by_hand(quantizers, settings));
    for (size_t i = 0; i < weights.size(); ++i) outcome.layers[i].bits = weights[i]->quantizer->config().bits;
  } else if (loader == nullptr) {
    return absl::InvalidArgumentError("mixed precision by HAWQ needs data, and there is no data loader");
  } else {
    PARE_RETURN_IF_ERROR(choose_by_hessian(model, quantizers, weights, settings, *loader, process_group, outcome));
    std::map<const Node*, int> bits_of;
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i]->quantizer->set_bits(outcome.layers[i].bits);
      for (const Node* node : weights[i]->point.served) bits_of[node] = outcome.layers[i].bits;
    }
    set_activation_bits(quantizers, bits_of);
  }
  double full = 0, now = 0;
  for (const LayerPrecision& layer : outcome.layers) {
    full += 8 * layer.flops;
    now += layer.bits * layer.flops;
  }
  outcome.ratio = now > 0 ? full / now : 1;
  return outcome;
}

void to_json(nlohmann::json& json, const PrecisionOutcome& outcome) {
  json = {{"ratio", outcome.ratio}, {"layers", nlohmann::json::array()}};
  for (const LayerPrecision& layer : outcome.layers) {
    json["layers"].push_back(
        {layer.name, layer.bits, layer.flops, layer.average_trace, layer.squared_error, layer.sensitivity});
  }
}

void from_json(const nlohmann::json& json, PrecisionOutcome& outcome) {
  json.at("ratio").get_to(outcome.ratio);
  outcome.layers.clear();
  for (const nlohmann::json& layer : json.at("layers")) {
    outcome.layers.push_back({layer.at(0), layer.at(1), layer.at(2), layer.at(3), layer.at(4), layer.at(5)});
  }
}

Statistics precision_statistics(const PrecisionOutcome& outcome) {
  double flops = 0;
  for (const LayerPrecision& layer : outcome.layers) flops += layer.flops;
  Statistics statistics;
  statistics.set("compression_ratio", outcome.ratio);
  Table& table = statistics.table(
      "layers", {"name", "bits", "average_trace", "squared_error", "sensitivity", "share_of_flops_percent"});
  for (const LayerPrecision& layer : outcome.layers) {
    table.add_row({layer.name, layer.bits, layer.average_trace, layer.squared_error, layer.sensitivity,
                   flops > 0 ? 100 * layer.flops / flops : 0.0});
  }
  return statistics;
}

}  // namespace pare::quantization
