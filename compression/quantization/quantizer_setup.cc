#include "compression/quantization/quantizer_setup.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pare::quantization {

namespace {

constexpr size_t kMaxServedShown = 4;

std::string config_text(const QuantizationPoint& point) {
  std::string text = to_string(point.config);
  if (point.is_weight && point.config.per_channel) absl::StrAppend(&text, " (axis ", point.channel_axis, ")");
  if (point.unified_scale_group >= 0) absl::StrAppend(&text, " (shared range ", point.unified_scale_group, ")");
  return text;
}

std::string served_text(const QuantizationPoint& point) {
  if (point.served.empty()) return "the model's output";
  std::vector<std::string> names;
  for (const graph::Node* node : point.served) {
    if (names.size() == kMaxServedShown) {
      names.push_back(absl::StrCat("and ", point.served.size() - kMaxServedShown, " more"));
      break;
    }
    names.push_back(node->name());
  }
  return absl::StrJoin(names, ", ");
}

std::string padded(const std::string& text, size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

}  // namespace

std::string describe(const QuantizerSetup& setup) {
  size_t name_width = 0, config_width = 0;
  for (const QuantizationPoint& point : setup.points) {
    name_width = std::max(name_width, point.name.size());
    config_width = std::max(config_width, config_text(point).size());
  }
  std::string text;
  for (const bool weights : {true, false}) {
    const auto count = std::count_if(setup.points.begin(), setup.points.end(),
                                     [&](const QuantizationPoint& point) { return point.is_weight == weights; });
    absl::StrAppend(&text, weights ? "weights: " : "activations: ", count,
                    count == 1 ? " quantizer\n" : " quantizers\n");
    for (const QuantizationPoint& point : setup.points) {
      if (point.is_weight != weights) continue;
      absl::StrAppend(&text, "  ", padded(point.name, name_width), "  ", padded(config_text(point), config_width),
                      "  for ", served_text(point), "\n");
    }
  }
  return text;
}

}  // namespace pare::quantization
