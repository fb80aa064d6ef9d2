#include "training/batch_norm.h"

#include <string_view>

namespace pare::training {
namespace {

bool is_batch_norm(std::string_view op) {
  return op == "aten::batch_norm" || op == "aten::native_batch_norm" || op == "aten::cudnn_batch_norm";
}

}  // namespace

FrozenBatchNorm::FrozenBatchNorm(graph::Graph& graph) : graph_(graph) {
  graph::Value* no_training = nullptr;
  for (graph::Node* node : graph.nodes()) {
    if (!is_batch_norm(node->op())) continue;
    const int index = node->argument_index("training");
    if (index < 0 || node->input(index)->kind() != graph::Value::Kind::kTraining) continue;
    if (no_training == nullptr) no_training = graph.add_constant(false);
    // A constant is there before every node, so this cannot be refused.
    if (graph.set_input(node, index, no_training).ok()) uses_.push_back({node, static_cast<size_t>(index)});
  }
}

FrozenBatchNorm::~FrozenBatchNorm() {
  for (const graph::Use& use : uses_) (void)graph_.set_input(use.user, use.index, graph_.training());
}

}  // namespace pare::training
