#include "compression/quantization/tie_free_scales.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "base/status_macros.h"
#include "compression/analysis/operator_traits.h"

namespace pare::quantization {
namespace {

using graph::Node;
using graph::Value;

// Of the smallest scale's multiple: [512, 1024).
constexpr int kBits = 9;
constexpr double kMaximumRatio = 16;

bool is_quantization(const Node* node) {
  return node != nullptr && node->op() == "aten::fake_quantize_per_tensor_affine" &&
         node->argument("scale") != nullptr && node->argument("scale")->is_constant() &&
         node->argument("scale")->constant().isDouble();
}

// Behind it, an element is what it was before, or an end of a range.
bool keeps_elements(const Node& node) {
  constexpr std::string_view kClips[] = {"aten::relu",  "aten::relu6",     "aten::hardtanh",
                                         "aten::clamp", "aten::clamp_min", "aten::clamp_max"};
  return std::find(std::begin(kClips), std::end(kClips), node.op()) != std::end(kClips) ||
         operator_traits(node, TargetDevice::kAny).is_agnostic();
}

Node* quantization_before(const Value* value) {
  Node* node = value->producer();
  while (node != nullptr && operator_traits(*node, TargetDevice::kAny).is_agnostic()) node = node->input(0)->producer();
  return is_quantization(node) ? node : nullptr;
}

void add_quantizations_behind(const Value* value, std::vector<Node*>* found) {
  for (const graph::Use& use : value->uses()) {
    if (use.user == nullptr || use.index != 0) continue;
    if (is_quantization(use.user)) {
      found->push_back(use.user);
    } else if (keeps_elements(*use.user)) {
      add_quantizations_behind(use.user->output(), found);
    }
  }
}

bool is_plain_sum(const Node& node) {
  if (node.op() != "aten::add" && node.op() != "aten::sub") return false;
  const Value* alpha = node.argument("alpha");
  return alpha != nullptr && alpha->is_constant() && alpha->constant().isScalar() &&
         alpha->constant().toScalar().to<double>() == 1;
}

double scale_of(const Node* quantization) { return quantization->argument("scale")->constant().toDouble(); }

// Groups of quantizations that have to share a unit.
class Groups {
 public:
  void join(const std::vector<Node*>& nodes) {
    for (Node* node : nodes) parent_.emplace(node, node);
    for (Node* node : nodes) parent_[root(node)] = root(nodes.front());
  }
  bool has(Node* node) const { return parent_.count(node) > 0; }
  std::map<Node*, std::vector<Node*>> groups() {
    std::map<Node*, std::vector<Node*>> result;
    for (const auto& [node, unused] : parent_) result[root(node)].push_back(node);
    return result;
  }

 private:
  Node* root(Node* node) {
    while (parent_[node] != node) node = parent_[node];
    return node;
  }
  std::map<Node*, Node*> parent_;
};

double nearest_odd(double value) { return 2 * std::floor(value / 2) + 1; }

}  // namespace

absl::StatusOr<int64_t> make_scales_tie_free(graph::Graph& graph) {
  Groups groups;
  for (const Node* node : graph.nodes()) {
    if (!is_plain_sum(*node)) continue;
    std::vector<Node*> joined = {quantization_before(node->input(0)), quantization_before(node->input(1))};
    if (joined[0] == nullptr || joined[1] == nullptr) continue;
    add_quantizations_behind(node->output(), &joined);
    if (joined.size() > 2) groups.join(joined);
  }
  // Quantizers that share a range, as those of a concatenation do, go on sharing it.
  std::map<double, std::vector<Node*>> by_scale;
  for (Node* node : graph.nodes()) {
    if (is_quantization(node)) by_scale[scale_of(node)].push_back(node);
  }
  for (const auto& [scale, nodes] : by_scale) {
    if (std::any_of(nodes.begin(), nodes.end(), [&](Node* node) { return groups.has(node); })) groups.join(nodes);
  }
  int64_t moved = 0;
  for (const auto& [root, members] : groups.groups()) {
    const auto [least, greatest] = std::minmax_element(
        members.begin(), members.end(), [](const Node* a, const Node* b) { return scale_of(a) < scale_of(b); });
    const double lowest = scale_of(*least);
    if (!(lowest > 0) || !(scale_of(*greatest) <= kMaximumRatio * lowest)) continue;
    const double unit = std::ldexp(1.0, std::ilogb(lowest) - kBits);
    for (Node* node : members) {
      const double scale = nearest_odd(scale_of(node) / unit) * unit;
      const size_t index = static_cast<size_t>(node->argument_index("scale"));
      PARE_RETURN_IF_ERROR(graph.set_input(node, index, graph.add_constant(scale)));
      ++moved;
    }
  }
  return moved;
}

}  // namespace pare::quantization
