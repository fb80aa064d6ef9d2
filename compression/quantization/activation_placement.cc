#include "compression/quantization/activation_placement.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compression/quantization/config_classes.h"

namespace pare::quantization {

namespace {

using graph::Node;
using graph::Use;
using graph::Value;

// A wish that one use of a value be quantized; several may be those of one quantizer.
struct Request {
  Use use;
  int config_class;  // what shares one is quantized alike
  std::vector<Node*> served;
};

// A quantizer of some uses of a value.
struct Candidate {
  int config_class;
  std::vector<Use> uses;
  std::vector<Node*> served;
};

bool is_structure(const Node* node) {
  return node->op() == "prim::ListConstruct" || node->op() == "prim::TupleConstruct" ||
         node->op() == "prim::DictConstruct";
}

bool is_unpack(const Node* node) { return node->op() == "prim::ListUnpack" || node->op() == "prim::TupleUnpack"; }

// A list of tensors, as aten::split gives, cannot be quantized itself.
bool is_tensor(const Value* value) {
  const Node* producer = value->producer();
  if (producer == nullptr) return true;
  if (producer->schema() == nullptr) return !is_structure(producer);
  return producer->schema()->returns()[value->output_index()].type()->str() == "Tensor";
}

void append_new(std::vector<Node*>& target, const std::vector<Node*>& nodes) {
  for (Node* node : nodes) {
    if (std::find(target.begin(), target.end(), node) == target.end()) target.push_back(node);
  }
}

class Propagation {
 public:
  explicit Propagation(const PlacementContext& context) : context_(context), flow_(context.flow()) {}

  absl::StatusOr<std::vector<QuantizationPoint>> run() {
    if (context_.options().quantize_outputs) PARE_RETURN_IF_ERROR(request_outputs());
    // Users come after producers, so against the order of execution all requests for a value are known when its
    // producer is reached.
    const std::vector<Node*> nodes = context_.graph().nodes();
    for (auto position = nodes.rbegin(); position != nodes.rend(); ++position) {
      move_through(*position);
      PARE_RETURN_IF_ERROR(request_inputs(*position));
    }
    const std::vector<Value*> inputs = context_.graph().inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::vector<Candidate> candidates = settle(inputs[i]);
      if (context_.quantizes_input(i)) place(inputs[i], candidates);
    }
    return points_in_order(nodes);
  }

 private:
  // Whether a quantizer can stand on the value, for an operator that reads it.
  bool is_quantizable(const Value* value, OperatorKind reader) const {
    const bool computed = value->kind() == Value::Kind::kNodeOutput || value->kind() == Value::Kind::kInput;
    if (!computed || !is_tensor(value)) return false;
    // Masks and the like are no signal to elementwise operators, nor is what does not depend on the input.
    if (reader == OperatorKind::kArithmetic) return flow_.number(value) == Number::kReal && flow_.from_input(value);
    return flow_.number(value) != Number::kNone;
  }

  std::vector<size_t> inputs_to_quantize(Node* node) const {
    const OperatorTraits& traits = flow_.traits(node);
    if (!traits.takes_quantized || !context_.quantizes_activations(node)) return {};
    const auto weight = context_.weight(node);
    std::vector<size_t> candidates = traits.data;
    // A weight that is no parameter is quantized like any other computed value.
    if (traits.is_weighted() && traits.weight >= 0) candidates.push_back(static_cast<size_t>(traits.weight));
    std::vector<size_t> inputs;
    for (const size_t i : candidates) {
      const bool is_weight = weight.has_value() && weight->input == i;
      if (is_weight || i >= node->inputs().size() || context_.fused().contains(node, i)) continue;
      if (is_quantizable(node->input(i), traits.kind)) inputs.push_back(i);
    }
    return inputs;
  }

  absl::Status request_inputs(Node* node) {
    const std::vector<size_t> inputs = inputs_to_quantize(node);
    if (inputs.empty()) return absl::OkStatus();
    PARE_ASSIGN_OR_RETURN(const std::vector<QuantizerConfig> configs, context_.activation_configs(node));
    // NPUs compute elementwise operators on one scale.
    const bool unified = context_.rules().device == TargetDevice::kNpu &&
                         flow_.traits(node).kind == OperatorKind::kArithmetic && inputs.size() > 1;
    std::optional<int> shared;
    for (const size_t i : inputs) {
      const int config_class = classes_.add(configs);
      if (unified && shared.has_value()) classes_.merge(*shared, config_class);
      if (!shared.has_value()) shared = config_class;
      PARE_RETURN_IF_ERROR(join_group(node, config_class));
      requests_[node->input(i)].push_back({{node, i}, config_class, {node}});
    }
    return absl::OkStatus();
  }

  // The config's unified_scale_ops.
  absl::Status join_group(Node* node, int config_class) {
    const auto& groups = context_.options().unified_scale_groups;
    for (size_t i = 0; i < groups.size(); ++i) {
      const bool matches = std::any_of(groups[i].begin(), groups[i].end(),
                                       [&](const ScopeSet& scopes) { return scopes.matches(*node); });
      if (!matches) continue;
      const auto [member, is_first] = group_members_.emplace(i, config_class);
      if (!is_first && !classes_.merge(member->second, config_class)) {
        return absl::InvalidArgumentError(absl::StrCat(
            groups[i].front().path(), ": ", node->name(), " allows ", to_string(classes_.picked(config_class)),
            ", others of its group ", to_string(classes_.picked(member->second)),
            ": operators that share one scale need the same mode, bits and granularity"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status request_outputs() {
    PARE_ASSIGN_OR_RETURN(const std::vector<QuantizerConfig> configs,
                          allowed_output_configs(context_.rules(), context_.options().activations));
    std::vector<std::pair<Value*, Use>> pending = {{context_.graph().output(), Use{nullptr, 0}}};
    while (!pending.empty()) {
      const auto [value, use] = pending.back();
      pending.pop_back();
      if (value == nullptr) continue;
      Node* producer = value->producer();
      if (producer != nullptr && is_structure(producer)) {
        for (size_t i = producer->inputs().size(); i-- > 0;) pending.push_back({producer->input(i), Use{producer, i}});
      } else if (flow_.from_input(value) && is_quantizable(value, OperatorKind::kOther)) {
        requests_[value].push_back({use, classes_.add(configs), {}});
      }
    }
    return absl::OkStatus();
  }

  // Merges the requests for a value into as few quantizers as their configs allow.
  std::vector<Candidate> settle(const Value* value) {
    const auto found = requests_.find(value);
    if (found == requests_.end()) return {};
    std::vector<Candidate> candidates;
    // Requests were made against the order of execution; quantizers are listed along it.
    for (auto request = found->second.rbegin(); request != found->second.rend(); ++request) {
      auto into = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
        return classes_.merge(candidate.config_class, request->config_class);
      });
      if (into == candidates.end()) into = candidates.insert(into, {request->config_class, {}, {}});
      into->uses.push_back(request->use);
      append_new(into->served, request->served);
    }
    requests_.erase(found);
    return candidates;
  }

  // Whether the one candidate quantizes the value for all that read it.
  bool serves_all(const Value* value, const std::vector<Candidate>& candidates) const {
    return candidates.size() == 1 && candidates[0].uses.size() == flow_.data_uses(value).size();
  }

  void move_through(Node* node) {
    std::vector<std::pair<Value*, std::vector<Candidate>>> settled;
    bool moves = can_move_through(node);
    for (Value* output : node->outputs()) {
      if (flow_.number(output) == Number::kNone || flow_.data_uses(output).empty()) continue;
      settled.emplace_back(output, settle(output));
      moves = moves && serves_all(output, settled.back().second);
    }
    std::vector<int> config_classes;
    Candidate moving{0, {}, {}};
    for (const auto& [output, candidates] : settled) {
      if (!moves) break;
      config_classes.push_back(candidates[0].config_class);
      append_new(moving.served, candidates[0].served);
    }
    if (moves && !settled.empty() && classes_.merge_all(config_classes)) {
      moving.config_class = config_classes[0];
      move_to_inputs(node, moving);
      return;
    }
    for (const auto& [output, candidates] : settled) place(output, candidates);
  }

  // Whether a quantizer of all of the node's outputs can as well stand on its inputs.
  bool can_move_through(Node* node) const {
    if (node->inputs().empty() || !context_.quantizes_activations(node)) return false;
    const OperatorTraits& traits = flow_.traits(node);
    if (traits.kind == OperatorKind::kConcat) return has_quantizable_pieces(node);
    // A cast between floating point types moves numbers too, but one from integers makes them.
    const bool is_cast = traits.kind == OperatorKind::kCast && flow_.number(node->input(0)) == Number::kReal &&
                         flow_.number(node->output()) == Number::kReal;
    if (!traits.is_agnostic() && !is_cast) return false;
    if (!is_unpack(node)) return is_quantizable(node->input(0), OperatorKind::kOther);
    // The list itself cannot be quantized, only what was split into it.
    Node* split = node->input(0)->producer();
    return split != nullptr && node->input(0)->uses().size() == 1 && !is_unpack(split) && can_move_through(split);
  }

  bool has_quantizable_pieces(const Node* concat) const {
    const Node* list = concat->input(0)->producer();
    const bool is_list = list != nullptr && list->op() == "prim::ListConstruct" && concat->input(0)->uses().size() == 1;
    return is_list && std::all_of(list->inputs().begin(), list->inputs().end(),
                                  [&](const Value* piece) { return is_quantizable(piece, OperatorKind::kOther); });
  }

  void move_to_inputs(Node* node, const Candidate& candidate) {
    if (is_unpack(node)) node = node->input(0)->producer();
    const bool is_concat = flow_.traits(node).kind == OperatorKind::kConcat;
    Node* reader = is_concat ? node->input(0)->producer() : node;
    const size_t count = is_concat ? reader->inputs().size() : 1;
    for (size_t i = count; i-- > 0;) {
      requests_[reader->input(i)].push_back({{reader, i}, candidate.config_class, candidate.served});
    }
  }

  void place(Value* value, const std::vector<Candidate>& candidates) {
    for (const Candidate& candidate : candidates) placed_[value].push_back(candidate);
  }

  std::vector<QuantizationPoint> points_in_order(const std::vector<Node*>& nodes) {
    const std::vector<Value*> inputs = context_.graph().inputs();
    std::vector<Value*> values = inputs;
    for (const Node* node : nodes) values.insert(values.end(), node->outputs().begin(), node->outputs().end());
    std::vector<QuantizationPoint> points;
    std::map<int, std::vector<size_t>> members;  // config class -> its points
    for (Value* value : values) {
      const auto found = placed_.find(value);
      if (found == placed_.end()) continue;
      for (Candidate& candidate : found->second) {
        QuantizationPoint point;
        point.value = value;
        point.uses = std::move(candidate.uses);
        point.config = classes_.picked(candidate.config_class);
        point.channel_axis = 1;
        point.name = value->name();
        const auto input = std::find(inputs.begin(), inputs.end(), value);
        if (input != inputs.end()) point.input_index = static_cast<int>(input - inputs.begin());
        point.served = std::move(candidate.served);
        members[classes_.representative(candidate.config_class)].push_back(points.size());
        points.push_back(std::move(point));
      }
    }
    number_groups(points, members);
    return points;
  }

  static void number_groups(std::vector<QuantizationPoint>& points, const std::map<int, std::vector<size_t>>& members) {
    std::map<size_t, const std::vector<size_t>*> groups;  // by their first point
    for (const auto& [config_class, indices] : members) {
      if (indices.size() > 1) groups.emplace(indices[0], &indices);
    }
    int group = 0;
    for (const auto& [first, indices] : groups) {
      for (const size_t index : *indices) points[index].unified_scale_group = group;
      ++group;
    }
  }

  const PlacementContext& context_;
  const DataFlow& flow_;
  ConfigClasses classes_;
  std::unordered_map<const Value*, std::vector<Request>> requests_;
  std::unordered_map<const Value*, std::vector<Candidate>> placed_;
  std::map<size_t, int> group_members_;  // unified_scale_ops' groups -> a class of theirs
};

}  // namespace

absl::StatusOr<std::vector<QuantizationPoint>> place_activation_quantizers(const PlacementContext& context) {
  return Propagation(context).run();
}

}  // namespace pare::quantization
