#include "compression/quantization/fused_inputs.h"

#include <algorithm>
#include <string>

namespace pare::quantization {

namespace {

using graph::Node;
using graph::Use;
using graph::Value;

// A gate's branch is a few operators long; a longer way to a pool is no gate.
constexpr int kLongestGate = 32;

bool is_clip(const Node* node) {
  const std::string& op = node->op();
  return op == "aten::relu6" || op == "aten::hardtanh" || op == "aten::clamp" || op == "aten::clip";
}

bool is_sigmoid(const Node* node) { return node->op() == "aten::sigmoid" || node->op() == "aten::hardsigmoid"; }

bool is_select(const Node* node) { return node->op() == "aten::masked_fill" || node->op() == "aten::where"; }

}  // namespace

FusedInputs::FusedInputs(const graph::Graph& graph, const DataFlow& flow) : flow_(flow) {
  for (const Node* node : graph.nodes()) {
    track_root(node);
    const OperatorKind kind = flow_.traits(node).kind;
    if (is_constant_arithmetic(node) || kind == OperatorKind::kNonlinear) fuse_followers(node);
    if (is_clip(node)) fuse_hard_sigmoid(node);
    if (kind == OperatorKind::kArithmetic) fuse_gate(node);
    if (kind == OperatorKind::kSoftmax) {
      fuse_scores(node);
      fuse_weighted_values(node);
    }
  }
}

bool FusedInputs::is_constant_arithmetic(const Node* node) const {
  return flow_.traits(node).kind == OperatorKind::kArithmetic && flow_.activation_inputs(node).size() == 1;
}

const Node* FusedInputs::source(const Value* value) const {
  const Node* producer = value->producer();
  while (producer != nullptr && flow_.traits(producer).kind == OperatorKind::kMovement) {
    producer = producer->input(0)->producer();
  }
  return producer;
}

const Node* FusedInputs::sole_source(const Value* value) const {
  while (true) {
    const Node* producer = value->producer();
    if (producer == nullptr || flow_.data_uses(value).size() != 1) return nullptr;
    if (flow_.traits(producer).kind != OperatorKind::kMovement || producer->inputs().empty()) return producer;
    value = producer->input(0);
  }
}

void FusedInputs::fuse_followers(const Node* node) {
  for (const size_t i : flow_.activation_inputs(node)) {
    const Node* source = this->source(node->input(i));
    if (source == nullptr) continue;
    const OperatorTraits& traits = flow_.traits(source);
    if (traits.is_weighted() || traits.kind == OperatorKind::kArithmetic || traits.kind == OperatorKind::kBatchNorm ||
        traits.kind == OperatorKind::kNormalization) {
      fuse(node, i);
    }
  }
}

// clip(x + 3) / 6: what comes before and after the clip.
void FusedInputs::fuse_hard_sigmoid(const Node* clip) {
  const Node* shift = sole_source(clip->input(0));
  if (shift == nullptr || !is_constant_arithmetic(shift)) return;
  const std::vector<Use> uses = flow_.data_uses(clip->output());
  if (uses.size() != 1 || uses[0].user == nullptr || !is_constant_arithmetic(uses[0].user)) return;
  for (const size_t i : flow_.activation_inputs(shift)) fuse(shift, i);
  fuse(uses[0].user, uses[0].index);
}

bool FusedInputs::comes_from_pool(const Node* node) const {
  for (int step = 0; step < kLongestGate && node != nullptr; ++step) {
    const OperatorTraits& traits = flow_.traits(node);
    const bool pools = traits.kind == OperatorKind::kPooling || traits.kind == OperatorKind::kReduction;
    if (pools) return true;
    const std::vector<size_t> inputs = flow_.activation_inputs(node);
    if (inputs.size() != 1) return false;
    node = node->input(inputs[0])->producer();
  }
  return false;
}

bool FusedInputs::is_gate(const Value* value) const {
  const Node* source = sole_source(value);
  if (source == nullptr) return false;
  if (is_sigmoid(source)) return comes_from_pool(source);
  if (!is_constant_arithmetic(source)) return false;
  const Node* clip = sole_source(source->input(flow_.activation_inputs(source)[0]));
  return clip != nullptr && is_clip(clip) && comes_from_pool(clip);
}

void FusedInputs::fuse_gate(const Node* node) {
  if (node->op() != "aten::mul") return;
  const std::vector<size_t> inputs = flow_.activation_inputs(node);
  const bool gated = inputs.size() == 2 && (is_gate(node->input(0)) || is_gate(node->input(1)));
  if (!gated) return;
  for (const size_t i : inputs) fuse(node, i);
}

void FusedInputs::fuse_scores(const Node* softmax) {
  std::vector<const Value*> pending = {softmax->input(0)};
  while (!pending.empty()) {
    const Node* source = sole_source(pending.back());
    pending.pop_back();
    if (source == nullptr) continue;
    if (is_select(source)) {
      for (const Value* input : source->inputs()) pending.push_back(input);
    }
    if (flow_.traits(source).kind != OperatorKind::kArithmetic) continue;
    for (const size_t i : flow_.activation_inputs(source)) {
      fuse(source, i);
      pending.push_back(source->input(i));
    }
  }
}

void FusedInputs::fuse_weighted_values(const Node* softmax) {
  std::vector<const Value*> pending = {softmax->output()};
  while (!pending.empty()) {
    const Value* value = pending.back();
    pending.pop_back();
    for (const Use& use : flow_.data_uses(value)) {
      if (use.user == nullptr) continue;
      const OperatorKind kind = flow_.traits(use.user).kind;
      if (kind == OperatorKind::kMovement) pending.push_back(use.user->output());
      const std::vector<size_t> operands = flow_.activation_inputs(use.user);
      if (kind == OperatorKind::kMatmul && operands.size() == 2) {
        for (const size_t i : operands) fuse(use.user, i);
      }
    }
  }
}

const Value* FusedInputs::root(const Value* value) const {
  const auto found = roots_.find(value);
  return found == roots_.end() ? value : found->second;
}

// Where two ways from one value meet again, with nothing but elementwise operators, reductions and reshapes on them,
// they are one function of it.
void FusedInputs::track_root(const Node* node) {
  const OperatorKind kind = flow_.traits(node).kind;
  const bool is_list = node->op() == "prim::ListConstruct";
  const bool in_region = kind == OperatorKind::kArithmetic || kind == OperatorKind::kNonlinear ||
                         kind == OperatorKind::kReduction || kind == OperatorKind::kMovement ||
                         kind == OperatorKind::kConcat || is_list;
  if (!in_region) return;
  const Value* common = nullptr;
  size_t num_activations = 0;
  for (size_t i = 0; i < node->inputs().size(); ++i) {
    const Value* input = node->input(i);
    if (!flow_.from_input(input) || flow_.number(input) == Number::kNone) continue;
    ++num_activations;
    if (common != nullptr && root(input) != common) return;
    common = root(input);
  }
  if (common == nullptr) return;
  for (const Value* output : node->outputs()) roots_[output] = common;
  if (kind == OperatorKind::kArithmetic && num_activations == 2) fuse_region(node, common);
}

void FusedInputs::fuse_region(const Node* last, const Value* from) {
  std::vector<const Node*> region = {last};
  std::unordered_set<const Node*> seen = {last};
  bool bends = false;  // sums of slices are no function in pieces
  for (size_t i = 0; i < region.size(); ++i) {
    const Node* node = region[i];
    const OperatorKind kind = flow_.traits(node).kind;
    bends = bends || kind == OperatorKind::kNonlinear || kind == OperatorKind::kReduction;
    for (const Value* input : node->inputs()) {
      const Node* producer = input->producer();
      const bool inside = input != from && producer != nullptr && roots_.count(input) > 0 && root(input) == from;
      if (!inside) continue;
      // A part that was found to be one function before is so as a whole.
      const bool is_known = in_region_.count(producer) > 0;
      bends = bends || is_known;
      if (!is_known && seen.insert(producer).second) region.push_back(producer);
    }
  }
  if (!bends) return;
  in_region_.insert(region.begin(), region.end());
  for (const Node* node : region) {
    const bool is_list = node->op() == "prim::ListConstruct";
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      if (is_list || flow_.from_input(node->input(i))) fuse(node, i);
    }
  }
}

}  // namespace pare::quantization
