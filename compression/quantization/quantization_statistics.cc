#include "compression/quantization/quantization_statistics.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pare::quantization {

namespace {

int64_t bytes_of(const at::Tensor& tensor) { return tensor.numel() * static_cast<int64_t>(tensor.element_size()); }

struct Counts {
  int64_t total = 0, enabled = 0, symmetric = 0, asymmetric = 0, is_signed = 0, is_unsigned = 0, per_tensor = 0,
          per_channel = 0;
  std::map<int, int64_t> by_bits;

  void add(const Quantizer& quantizer) {
    const QuantizerConfig& config = quantizer.config();
    const bool is_symmetric = config.mode == QuantizationMode::kSymmetric;
    ++total;
    enabled += quantizer.is_enabled();
    ++(is_symmetric ? symmetric : asymmetric);
    if (is_symmetric && quantizer.has_range()) ++(quantizer.is_signed() ? is_signed : is_unsigned);
    ++(config.per_channel ? per_channel : per_tensor);
    ++by_bits[config.bits];
  }

  void write(Statistics& statistics) const {
    statistics.set("total", total);
    statistics.set("enabled", enabled);
    statistics.set("symmetric", symmetric);
    statistics.set("asymmetric", asymmetric);
    statistics.set("signed", is_signed);
    statistics.set("unsigned", is_unsigned);
    statistics.set("per_tensor", per_tensor);
    statistics.set("per_channel", per_channel);
    for (const auto& [bits, count] : by_bits) statistics.set(absl::StrCat("bits_", bits), count);
  }
};

std::string range_text(const Quantizer& quantizer) {
  if (!quantizer.has_range()) return "not set";
  const absl::StatusOr<ops::AffineParameters> affine = quantizer.affine_parameters();
  if (!affine.ok()) return "not finite";
  float low = 0, high = 0;  // Zero is in every range.
  for (size_t c = 0; c < affine->scale.size(); ++c) {
    low = std::min(low, affine->scale[c] * (affine->code_low - affine->zero_point[c]));
    high = std::max(high, affine->scale[c] * (affine->code_high - affine->zero_point[c]));
  }
  return absl::StrCat(affine->scale.size() > 1 ? "within " : "", low, " to ", high);
}

void write_memory(const graph::Graph& graph, const std::vector<InsertedQuantizer>& quantizers, Statistics& memory) {
  std::set<const graph::Value*> own;
  std::map<const graph::Value*, int> bits_of_weight;
  int64_t bytes_of_own = 0;
  for (const InsertedQuantizer& inserted : quantizers) {
    for (const graph::Value* parameter : inserted.quantizer->parameters()) {
      if (own.insert(parameter).second && inserted.quantizer->is_weight())
        bytes_of_own += bytes_of(parameter->tensor());
    }
    if (inserted.quantizer->is_weight() && inserted.quantizer->is_enabled()) {
      bits_of_weight[inserted.point.value] = inserted.quantizer->config().bits;
    }
  }
  int64_t full = 0, bits = bytes_of_own * 8;
  for (const graph::Value* parameter : graph.parameters()) {
    if (own.contains(parameter)) continue;
    const auto quantized = bits_of_weight.find(parameter);
    const int64_t size = bytes_of(parameter->tensor());
    full += size;
    bits += quantized == bits_of_weight.end() ? size * 8 : parameter->tensor().numel() * quantized->second;
  }
  const int64_t compressed = (bits + 7) / 8;
  memory.set("original_bytes", full);
  memory.set("quantized_bytes", compressed);
  memory.set("ratio", compressed > 0 ? static_cast<double>(full) / compressed : 1.0);
}

}  // namespace

Statistics quantization_statistics(const graph::Graph& graph, const std::vector<InsertedQuantizer>& quantizers) {
  Counts weights, activations;
  for (const InsertedQuantizer& inserted : quantizers) {
    (inserted.quantizer->is_weight() ? weights : activations).add(*inserted.quantizer);
  }
  Statistics statistics;
  const int64_t total = weights.total + activations.total;
  statistics.set("enabled_share", total > 0 ? static_cast<double>(weights.enabled + activations.enabled) / total : 0.0);
  weights.write(statistics.child("weight_quantizers"));
  activations.write(statistics.child("activation_quantizers"));
  write_memory(graph, quantizers, statistics.child("memory"));
  Table& table = statistics.table("quantizers", {"name", "kind", "config", "enabled", "range", "serves"});
  for (const InsertedQuantizer& inserted : quantizers) {
    const Quantizer& quantizer = *inserted.quantizer;
    QuantizerConfig config = quantizer.config();
    if (quantizer.has_range()) config.is_signed = quantizer.is_signed();
    table.add_row({quantizer.name(), quantizer.is_weight() ? "weight" : "activation", to_string(config),
                   quantizer.is_enabled(), range_text(quantizer),
                   absl::StrJoin(inserted.point.served, " ", [](std::string* out, const graph::Node* node) {
                     out->append(node->scope().empty() ? node->name() : node->scope());
                   })});
  }
  return statistics;
}

}  // namespace pare::quantization
