#include "graph/clone.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::graph {
namespace {

class Cloning {
 public:
  Cloning(const Graph& graph, const CloneOptions& options) : graph_(graph), options_(options) {}

  absl::StatusOr<std::unique_ptr<Graph>> run() {
    for (const Value* input : graph_.inputs()) copies_[input] = copy_->add_input(input->name());
    for (const Value* value : graph_.parameters()) PARE_RETURN_IF_ERROR(add_tensor(value));
    for (const Value* value : graph_.buffers()) PARE_RETURN_IF_ERROR(add_tensor(value));
    for (const Node* node : graph_.nodes()) PARE_RETURN_IF_ERROR(add_node(node));
    if (graph_.output() != nullptr) {
      PARE_ASSIGN_OR_RETURN(Value * output, copy_of(graph_.output()));
      copy_->set_output(output);
    }
    for (const SizeCheck& check : graph_.size_checks()) {
      copy_->add_size_check({copies_.at(check.input), check.dimension, check.expected});
    }
    return std::move(copy_);
  }

 private:
  bool is_left_out(const Value* value) const {
    if (!options_.without_transforms || value->uses().empty()) return false;
    for (const Use& use : value->uses()) {
      const bool only_serves_a_transform = use.user != nullptr && use.user->is_transform() && use.index > 0;
      if (!only_serves_a_transform) return false;
    }
    return true;
  }

  static absl::StatusOr<at::Tensor> copied(const Value* value, const at::Tensor& tensor) {
    return guard_torch(absl::StrCat("copying ", value->name()), [&] {
      at::Tensor copy = tensor.detach().clone();
      if (tensor.requires_grad()) copy.set_requires_grad(true);
      return copy;
    });
  }

  absl::Status add_tensor(const Value* value) {
    if (is_left_out(value)) return absl::OkStatus();
    PARE_ASSIGN_OR_RETURN(at::Tensor tensor, copied(value, value->tensor()));
    PARE_ASSIGN_OR_RETURN(copies_[value], value->is_parameter() ? copy_->add_parameter(value->name(), std::move(tensor))
                                                                : copy_->add_buffer(value->name(), std::move(tensor)));
    return absl::OkStatus();
  }

  absl::StatusOr<Value*> copy_of(const Value* value) {
    if (const auto known = copies_.find(value); known != copies_.end()) return known->second;
    if (value->kind() == Value::Kind::kTraining) return copies_[value] = copy_->training();
    if (!value->is_constant()) {
      return absl::InternalError(absl::StrCat(value->name(), " is used before it is computed"));
    }
    c10::IValue constant = value->constant();
    if (constant.isTensor() && constant.toTensor().defined()) {
      PARE_ASSIGN_OR_RETURN(constant, copied(value, constant.toTensor()));
    }
    return copies_[value] = copy_->add_constant(std::move(constant));
  }

  absl::Status add_node(const Node* node) {
    if (node->is_transform() && options_.without_transforms) {
      PARE_ASSIGN_OR_RETURN(copies_[node->output()], copy_of(node->input(0)));
      return absl::OkStatus();
    }
    std::vector<Value*> inputs;
    for (const Value* input : node->inputs()) {
      PARE_ASSIGN_OR_RETURN(Value * copy, copy_of(input));
      inputs.push_back(copy);
    }
    const NodePlace place{.scope = node->scope(), .scope_types = node->scope_types(), .source = node->source()};
    absl::StatusOr<Node*> made =
        node->is_transform() ? copy_->add_transform(node->transform(), std::move(inputs), place)
        : node->schema() == nullptr
            ? copy_->add_structure(node->op(), std::move(inputs), node->outputs().size(), place, node->element_type())
            : copy_->add_operator(node->schema(), node->schema_owner(), node->function(), std::move(inputs), place);
    PARE_RETURN_IF_ERROR(made.status());
    for (size_t i = 0; i < node->outputs().size(); ++i) copies_[node->output(i)] = (*made)->output(i);
    return absl::OkStatus();
  }

  const Graph& graph_;
  const CloneOptions options_;
  std::unique_ptr<Graph> copy_ = std::make_unique<Graph>();
  std::map<const Value*, Value*> copies_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Graph>> clone_graph(const Graph& graph, const CloneOptions& options) {
  return Cloning(graph, options).run();
}

}  // namespace pare::graph
