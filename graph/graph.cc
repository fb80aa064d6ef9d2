#include "graph/graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "graph/operators.h"
#include "nlohmann/json.hpp"

namespace pare::graph {

namespace {

// Room for about thirty insertions between two neighbours before all are numbered anew.
constexpr int64_t kOrderGap = int64_t{1} << 30;

bool is_random(const Node& node) {
  for (const char* word : {"dropout", "rand", "bernoulli", "multinomial", "::normal"}) {
    if (absl::StrContains(node.op(), word)) return true;
  }
  return false;
}

}  // namespace

std::string Transform::describe() const { return std::string(type()); }

nlohmann::json Transform::state() const { return nullptr; }

absl::Status Transform::set_state(const nlohmann::json& state) {
  if (state.is_null()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a ", std::string(type()), " keeps no state, but one was given: ", state.dump()));
}

Value* Node::argument(std::string_view argument_name) const {
  const int index = argument_index(argument_name);
  return index < 0 ? nullptr : inputs_[static_cast<size_t>(index)];
}

int Node::argument_index(std::string_view argument_name) const {
  if (schema_ == nullptr) return -1;
  const auto index = schema_->argumentIndexWithName(std::string(argument_name));
  return index.has_value() ? static_cast<int>(*index) : -1;
}

Graph::Graph() = default;
Graph::~Graph() = default;

// ---- Reading -------------------------------------------------------------------------------------------------------

std::vector<Node*> Graph::nodes() const {
  std::vector<Node*> result;
  result.reserve(nodes_.size());
  for (const auto& node : nodes_) result.push_back(node.get());
  return result;
}

Node* Graph::find_node(std::string_view name) const {
  for (const auto& node : nodes_) {
    if (node->name_ == name) return node.get();
  }
  return nullptr;
}

Value* Graph::find_parameter(std::string_view name) const {
  const auto found = named_tensors_.find(name);
  return found == named_tensors_.end() ? nullptr : found->second;
}

Node* Graph::first_node() const { return nodes_.empty() ? nullptr : nodes_.front().get(); }

Node* Graph::next_node(const Node* node) const {
  const auto next = std::next(node->position_);
  return next == nodes_.end() ? nullptr : next->get();
}

bool Graph::is_before(const Node* first, const Node* second) const { return first->order_ < second->order_; }

std::string Graph::to_string() const {
  std::string text;
  const auto show = [](const Value* value) -> std::string {
    switch (value->kind()) {
      case Value::Kind::kConstant:
        return value->constant().isTensor() ? "<tensor>" : absl::StrCat("<", value->constant().tagKind(), ">");
      case Value::Kind::kTraining:
        return "training";
      case Value::Kind::kNodeOutput:
        return absl::StrCat(value->producer()->name(),
                            value->producer()->outputs().size() > 1 ? absl::StrCat(":", value->output_index()) : "");
      default:
        return value->name();
    }
  };
  for (const auto& node : nodes_) {
    absl::StrAppend(&text, node->name_, "(");
    const char* separator = "";
    for (const Value* input : node->inputs_) {
      absl::StrAppend(&text, separator, show(input));
      separator = ", ";
    }
    absl::StrAppend(&text, ")\n");
  }
  if (output_ != nullptr) absl::StrAppend(&text, "return ", show(output_), "\n");
  return text;
}

// ---- Values --------------------------------------------------------------------------------------------------------

Value* Graph::new_value(Value::Kind kind, std::string name) {
  auto value = std::make_unique<Value>();
  value->kind_ = kind;
  value->name_ = std::move(name);
  Value* raw = value.get();
  values_.emplace(raw, std::move(value));
  ++version_;
  return raw;
}

Value* Graph::add_input(std::string name) {
  inputs_.push_back(new_value(Value::Kind::kInput, std::move(name)));
  return inputs_.back();
}

Value* Graph::add_constant(c10::IValue value) {
  Value* constant = new_value(Value::Kind::kConstant, "constant");
  constant->constant_ = std::move(value);
  return constant;
}

void Graph::set_constant(Value* constant, c10::IValue value) { constant->constant_ = std::move(value); }

absl::StatusOr<Value*> Graph::add_named_tensor(Value::Kind kind, std::string name, at::Tensor tensor) {
  if (!tensor.defined()) return absl::InvalidArgumentError(absl::StrCat(name, ": the tensor is undefined"));
  if (named_tensors_.count(name) > 0) {
    return absl::AlreadyExistsError(absl::StrCat("the graph has a parameter or buffer named ", name, " already"));
  }
  Value* value = new_value(kind, name);
  value->tensor_ = std::move(tensor);
  named_tensors_.emplace(std::move(name), value);
  (kind == Value::Kind::kParameter ? parameters_ : buffers_).push_back(value);
  return value;
}

absl::StatusOr<Value*> Graph::add_parameter(std::string name, at::Tensor tensor) {
  return add_named_tensor(Value::Kind::kParameter, std::move(name), std::move(tensor));
}

absl::StatusOr<Value*> Graph::add_buffer(std::string name, at::Tensor tensor) {
  return add_named_tensor(Value::Kind::kBuffer, std::move(name), std::move(tensor));
}

Value* Graph::training() {
  if (training_ == nullptr) training_ = new_value(Value::Kind::kTraining, "training");
  return training_;
}

void Graph::set_output(Value* value) {
  if (value != nullptr && values_.count(value) == 0) value = nullptr;
  Value* old = std::exchange(output_, value);
  if (value != nullptr) add_use(value, nullptr, 0);
  // After the new use: a constant without uses is deleted, and the two may be the same.
  if (old != nullptr) remove_use(old, nullptr, 0);
  ++version_;
}

void Graph::add_size_check(const SizeCheck& check) {
  const bool is_known = std::find(size_checks_.begin(), size_checks_.end(), check) != size_checks_.end();
  if (!is_known) size_checks_.push_back(check);
}

absl::Status Graph::remove_parameter(Value* value) {
  if (!value->is_parameter() && !value->is_buffer()) {
    return absl::InvalidArgumentError(absl::StrCat(value->name(), " is no parameter or buffer"));
  }
  if (!value->uses().empty()) {
    const Node* user = value->uses()[0].user;
    return absl::FailedPreconditionError(
        absl::StrCat(value->name(), " is used by ", user == nullptr ? "the output" : user->name()));
  }
  auto& list = value->is_parameter() ? parameters_ : buffers_;
  list.erase(std::find(list.begin(), list.end(), value));
  named_tensors_.erase(value->name());
  values_.erase(value);
  ++version_;
  return absl::OkStatus();
}

void Graph::add_use(Value* value, Node* user, size_t index) { value->uses_.push_back({user, index}); }

void Graph::remove_use(Value* value, Node* user, size_t index) {
  auto& uses = value->uses_;
  uses.erase(std::find(uses.begin(), uses.end(), Use{user, index}));
  const bool is_temporary = value->kind_ == Value::Kind::kConstant;
  if (uses.empty() && is_temporary) values_.erase(value);
}

// ---- Nodes ---------------------------------------------------------------------------------------------------------

std::string Graph::unique_name(const std::string& base) {
  while (true) {
    const int count = name_counts_[base]++;
    if (count == 0) return base;
    std::string name = absl::StrCat(base, "_", count);
    if (name_counts_.emplace(name, 1).second) return name;
  }
}

bool Graph::is_available(const Value* value, const Node* at) const {
  return value->producer_ == nullptr || at == nullptr || value->producer_->order_ < at->order_;
}

void Graph::set_order(Node* node) {
  const auto next = std::next(node->position_);
  const int64_t low = node->position_ == nodes_.begin() ? 0 : (*std::prev(node->position_))->order_;
  if (next == nodes_.end()) {
    node->order_ = low + kOrderGap;
    return;
  }
  const int64_t high = (*next)->order_;
  if (high - low > 1) {
    node->order_ = low + (high - low) / 2;
    return;
  }
  int64_t order = 0;
  for (const auto& each : nodes_) each->order_ = order += kOrderGap;
}

absl::StatusOr<Node*> Graph::insert(std::unique_ptr<Node> node, std::vector<Value*> inputs, size_t num_outputs,
                                    const NodePlace& place) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr || values_.count(inputs[i]) == 0) {
      return absl::InvalidArgumentError(absl::StrCat(node->op_, ": input ", i, " is no value of this graph"));
    }
    if (!is_available(inputs[i], place.before)) {
      return absl::InvalidArgumentError(absl::StrCat(node->op_, ": input ", i, " is computed by ",
                                                     inputs[i]->producer()->name(), ", after ", place.before->name()));
    }
  }
  node->graph_ = this;
  node->scope_ = place.scope;
  node->scope_types_ = place.scope_types;
  node->source_ = place.source;
  node->name_ = unique_name(place.scope.empty() ? node->op_ : absl::StrCat(place.scope, "/", node->op_));
  node->inputs_ = std::move(inputs);
  Node* raw = node.get();
  for (size_t i = 0; i < raw->inputs_.size(); ++i) add_use(raw->inputs_[i], raw, i);
  for (size_t i = 0; i < num_outputs; ++i) {
    Value* output =
        new_value(Value::Kind::kNodeOutput, num_outputs == 1 ? raw->name_ : absl::StrCat(raw->name_, ":", i));
    output->producer_ = raw;
    output->output_index_ = i;
    raw->outputs_.push_back(output);
  }
  raw->position_ = nodes_.insert(place.before == nullptr ? nodes_.end() : place.before->position_, std::move(node));
  set_order(raw);
  ++version_;
  return raw;
}

absl::StatusOr<Node*> Graph::add_operator(std::string_view op, std::string_view overload, std::vector<Value*> inputs,
                                          const NodePlace& place) {
  PARE_ASSIGN_OR_RETURN(ResolvedOperator resolved, resolve_operator(op, overload));
  return add_operator(resolved.schema, std::move(resolved.owner), std::move(resolved.function), std::move(inputs),
                      place);
}

absl::StatusOr<Node*> Graph::add_operator(const c10::FunctionSchema* schema, std::shared_ptr<void> schema_owner,
                                          StackFunction function, std::vector<Value*> inputs, const NodePlace& place) {
  if (inputs.size() != schema->arguments().size() && !schema->is_vararg()) {
    return absl::InvalidArgumentError(
        absl::StrCat(schema->name(), " takes ", schema->arguments().size(), " inputs, ", inputs.size(), " were given"));
  }
  auto node = std::make_unique<Node>();
  node->op_ = schema->name();
  node->overload_ = schema->overload_name();
  node->schema_ = schema;
  node->schema_owner_ = std::move(schema_owner);
  node->function_ = std::move(function);
  return insert(std::move(node), std::move(inputs), schema->returns().size(), place);
}

absl::StatusOr<Node*> Graph::add_structure(std::string_view op, std::vector<Value*> inputs, size_t num_outputs,
                                           const NodePlace& place, c10::TypePtr element_type) {
  auto node = std::make_unique<Node>();
  node->op_ = std::string(op);
  node->element_type_ = element_type;
  PARE_ASSIGN_OR_RETURN(node->function_, structure_function(op, inputs.size(), num_outputs, std::move(element_type)));
  return insert(std::move(node), std::move(inputs), num_outputs, place);
}

absl::StatusOr<Node*> Graph::add_transform(std::shared_ptr<Transform> transform, std::vector<Value*> inputs,
                                           const NodePlace& place) {
  if (transform == nullptr || inputs.empty()) {
    return absl::InvalidArgumentError("a transform's node needs a transform and at least one input");
  }
  auto node = std::make_unique<Node>();
  node->op_ = absl::StrCat("pare::", std::string(transform->type()));
  node->transform_ = std::move(transform);
  return insert(std::move(node), std::move(inputs), 1, place);
}

// ---- Rewriting -----------------------------------------------------------------------------------------------------

absl::Status Graph::set_input(Node* node, size_t index, Value* value) {
  if (index >= node->inputs_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(node->name_, " has ", node->inputs_.size(), " inputs, no input ", index));
  }
  if (values_.count(value) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(node->name_, ": the new input ", index, " is no value of this graph"));
  }
  if (!is_available(value, node)) {
    return absl::InvalidArgumentError(
        absl::StrCat(node->name_, ": the new input ", index, " is computed later, by ", value->producer()->name()));
  }
  if (node->inputs_[index] == value) return absl::OkStatus();
  Value* old = std::exchange(node->inputs_[index], value);
  add_use(value, node, index);
  remove_use(old, node, index);
  ++version_;
  return absl::OkStatus();
}

absl::Status Graph::replace_uses(Value* from, Value* to, const std::function<bool(const Use&)>& which) {
  // Which also finds nullptr out.
  if (values_.count(from) == 0 || values_.count(to) == 0) {
    return absl::InvalidArgumentError("replace_uses: one of the values is no value of this graph");
  }
  if (from == to) return absl::OkStatus();
  std::vector<Use> uses;
  for (const Use& use : from->uses_) {
    if (which == nullptr || which(use)) uses.push_back(use);
  }
  for (const Use& use : uses) {
    if (use.user != nullptr && !is_available(to, use.user)) {
      return absl::InvalidArgumentError(
          absl::StrCat(use.user->name_, " is executed before ", to->name_, " is computed"));
    }
  }
  for (const Use& use : uses) {
    if (use.user == nullptr) {
      set_output(to);
    } else {
      PARE_RETURN_IF_ERROR(set_input(use.user, use.index, to));
    }
  }
  return absl::OkStatus();
}

absl::Status Graph::remove(Node* node) {
  for (const Value* output : node->outputs_) {
    if (output->uses_.empty()) continue;
    const Node* user = output->uses_[0].user;
    return absl::FailedPreconditionError(
        absl::StrCat("cannot remove ", node->name_, ": it is used by ", user == nullptr ? "the output" : user->name_));
  }
  for (size_t i = 0; i < node->inputs_.size(); ++i) remove_use(node->inputs_[i], node, i);
  for (const Value* output : node->outputs_) values_.erase(output);
  nodes_.erase(node->position_);
  ++version_;
  return absl::OkStatus();
}

size_t Graph::remove_dead_nodes() {
  size_t count = 0;
  for (auto position = nodes_.end(); position != nodes_.begin();) {
    --position;
    Node* node = position->get();
    const bool used = std::any_of(node->outputs_.begin(), node->outputs_.end(),
                                  [](const Value* output) { return !output->uses_.empty(); });
    if (used || is_in_place(*node) || is_random(*node)) continue;
    // The order is backwards: the producers of its inputs are still to come.
    ++position;
    if (remove(node).ok()) ++count;
  }
  return count;
}

bool is_in_place(const Node& node) {
  if (node.schema() == nullptr) return false;
  for (const c10::Argument& argument : node.schema()->arguments()) {
    if (argument.alias_info() != nullptr && argument.alias_info()->isWrite()) return true;
  }
  return false;
}

}  // namespace pare::graph
