#include "graph/import_interpreter.h"

#include <ATen/core/class_type.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "graph/import_operators.h"

namespace pare::graph {

namespace {

using Kind = ImportValue::Kind;
namespace prim = torch::jit::prim;
namespace attr = torch::jit::attr;

// A model from elsewhere may loop or recurse for ever.
constexpr int kMostCalls = 200;
constexpr int64_t kMostSteps = 3'000'000;

bool raises(const torch::jit::Block* block) {
  return std::any_of(block->nodes().begin(), block->nodes().end(), [](const torch::jit::Node* node) {
    if (node->kind() == prim::RaiseException) return true;
    return node->kind() == prim::If && raises(node->blocks()[0]) && raises(node->blocks()[1]);
  });
}

// Whether a block can be run to no effect: it computes values from values.
bool is_harmless(const torch::jit::Block* block) {
  return std::all_of(block->nodes().begin(), block->nodes().end(), [](const torch::jit::Node* node) {
    if (node->kind() == prim::If) return is_harmless(node->blocks()[0]) && is_harmless(node->blocks()[1]);
    const std::string_view name = node->kind().toQualString();
    if (name == "aten::warn" || name == "prim::Print" || name == "aten::format") return true;
    return node->kind() == prim::Constant || node->kind() == prim::GetAttr || node->kind() == prim::ListConstruct ||
           node->kind() == prim::TupleConstruct || is_pure(node);
  });
}

}  // namespace

absl::StatusOr<ImportValue> ImportInterpreter::run(const torch::jit::Graph& graph,
                                                   const std::vector<ImportValue>& inputs, const NodePlace& place) {
  if (inputs.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model takes ", graph.inputs().size(), " inputs, ", inputs.size(), " are given"));
  }
  if (depth_ >= kMostCalls) {
    return absl::UnimplementedError("the model's functions call each other more than 200 deep");
  }
  ++depth_;
  const absl::Cleanup leave = [this] { --depth_; };
  Frame frame;
  frame.place = place;
  for (size_t i = 0; i < inputs.size(); ++i) frame.values[graph.inputs()[i]] = inputs[i];
  PARE_ASSIGN_OR_RETURN(Values outputs, run_block(graph.block(), frame));
  if (outputs.size() == 1) return std::move(outputs[0]);
  return ImportValue::tuple(nullptr, std::move(outputs));
}

absl::StatusOr<ImportInterpreter::Values> ImportInterpreter::run_block(const torch::jit::Block* block, Frame& frame) {
  for (const torch::jit::Node* node : block->nodes()) PARE_RETURN_IF_ERROR(run_node(node, frame));
  Values outputs;
  for (const torch::jit::Value* output : block->outputs()) {
    PARE_ASSIGN_OR_RETURN(ImportValue value, value_of(output, frame));
    outputs.push_back(std::move(value));
  }
  return outputs;
}

absl::StatusOr<ImportValue> ImportInterpreter::value_of(const torch::jit::Value* value, Frame& frame) {
  if (const auto known = preset_.find(value); known != preset_.end()) return known->second;
  const auto found = frame.values.find(value);
  if (found == frame.values.end()) {
    return absl::InvalidArgumentError(absl::StrCat("the model uses ", value->debugName(), " before it is computed"));
  }
  return found->second;
}

NodePlace ImportInterpreter::place_at(const torch::jit::Node* node, const Frame& frame) const {
  NodePlace place = place_of_ ? place_of_(node) : frame.place;
  place.source = source_of(node);
  return place;
}

absl::Status ImportInterpreter::set_outputs(const torch::jit::Node* node, Values outputs, Frame& frame) {
  // Some operators give back the list that they changed; in TorchScript they may be called for that alone.
  if (outputs.size() < node->outputs().size()) {
    return with_source(absl::InvalidArgumentError(absl::StrCat("it gives ", outputs.size(),
                                                               " results, the model takes ", node->outputs().size())),
                       node);
  }
  for (size_t i = 0; i < node->outputs().size(); ++i) frame.values[node->output(i)] = std::move(outputs[i]);
  return absl::OkStatus();
}

absl::Status ImportInterpreter::run_node(const torch::jit::Node* node, Frame& frame) {
  if (++steps_ > kMostSteps) {
    return with_source(absl::UnimplementedError("the model takes more than 3 million steps: a loop without an end?"),
                       node);
  }
  if (node->kind() == prim::Constant) {
    const auto value = torch::jit::toIValue(node->output());
    if (!value.has_value()) {
      frame.values[node->output()] = ImportValue();  // a function: its callers find it by its type
      return absl::OkStatus();
    }
    PARE_ASSIGN_OR_RETURN(frame.values[node->output()], emitter_.constant(*value, place_at(node, frame)));
    return absl::OkStatus();
  }
  if (node->kind() == prim::If) return run_if(node, frame);
  if (node->kind() == prim::Loop) return run_loop(node, frame);
  if (node->kind() == prim::RaiseException) return raise(node, frame);
  if (node->kind() == prim::SetAttr) return set_attribute(node, frame);
  if (node->kind() == prim::GetAttr) {
    PARE_ASSIGN_OR_RETURN(frame.values[node->output()], get_attribute(node, frame));
    return absl::OkStatus();
  }
  if (node->kind() == prim::CallMethod || node->kind() == prim::CallFunction) {
    PARE_ASSIGN_OR_RETURN(frame.values[node->output()], call(node, frame));
    return absl::OkStatus();
  }
  if (node->kind() == prim::CreateObject) {
    const auto type = node->output()->type()->expect<c10::ClassType>();
    created_.emplace_back(c10::ivalue::Object::create(type, type->numAttributes()));
    frame.values[node->output()] = ImportValue::constant(created_.back());
    return absl::OkStatus();
  }
  Values inputs;
  for (const torch::jit::Value* input : node->inputs()) {
    PARE_ASSIGN_OR_RETURN(ImportValue value, value_of(input, frame));
    inputs.push_back(std::move(value));
  }
  PARE_ASSIGN_OR_RETURN(Values outputs, emitter_.run(node, std::move(inputs), place_at(node, frame)));
  return set_outputs(node, std::move(outputs), frame);
}

absl::StatusOr<c10::IValue> ImportInterpreter::must_know(const torch::jit::Node* node, const ImportValue& value,
                                                         const char* what) {
  auto known = emitter_.decide(value);
  if (!known.ok()) return with_source(known.status(), node);
  if (known->has_value()) return **known;
  if (value.from_data) {
    return with_source(absl::UnimplementedError(absl::StrCat(
                           what,
                           " depends on what a tensor holds, and a graph goes one way for all inputs; trace the "
                           "model for a typical input instead: torch.jit.trace(model, example)")),
                       node);
  }
  return with_source(absl::UnimplementedError(absl::StrCat(
                         what,
                         " depends on the shape of the input; give the shapes of the inputs "
                         "(ImportOptions::input_shapes, --input_shape), or trace the model with torch.jit.trace")),
                     node);
}

absl::Status ImportInterpreter::run_if(const torch::jit::Node* node, Frame& frame) {
  PARE_ASSIGN_OR_RETURN(const ImportValue condition, value_of(node->input(), frame));
  const auto run_branch = [&](size_t branch) -> absl::Status {
    PARE_ASSIGN_OR_RETURN(Values outputs, run_block(node->blocks()[branch], frame));
    return set_outputs(node, std::move(outputs), frame);
  };
  if (const auto known = condition.to_ivalue(); known.has_value()) return run_branch(known->toBool() ? 0 : 1);
  const bool first_raises = raises(node->blocks()[0]);
  if (first_raises != raises(node->blocks()[1])) return run_branch(first_raises ? 1 : 0);
  auto decided = emitter_.decide(condition);
  if (decided.ok() && decided->has_value()) return run_branch((*decided)->toBool() ? 0 : 1);
  const bool only_bools =
      std::all_of(node->outputs().begin(), node->outputs().end(),
                  [](const torch::jit::Value* each) { return each->type()->kind() == c10::TypeKind::BoolType; });
  if (only_bools && is_harmless(node->blocks()[0]) && is_harmless(node->blocks()[1])) {
    return run_both(node, condition, frame);
  }
  if (!decided.ok()) return with_source(decided.status(), node);
  return must_know(node, condition, "a branch").status();
}

// `a and b`, `a or b`: whether the result must be known is for its user to say.
absl::Status ImportInterpreter::run_both(const torch::jit::Node* node, const ImportValue& condition, Frame& frame) {
  PARE_ASSIGN_OR_RETURN(const Values first, run_block(node->blocks()[0], frame));
  PARE_ASSIGN_OR_RETURN(const Values second, run_block(node->blocks()[1], frame));
  for (size_t i = 0; i < first.size(); ++i) {
    const auto a = first[i].to_ivalue(), b = second[i].to_ivalue();
    ImportValue& output = frame.values[node->output(i)];
    if (a.has_value() && b.has_value() && *a == *b) {
      output = first[i];
    } else {
      output = ImportValue();
      output.from_data = condition.from_data || first[i].from_data || second[i].from_data;
    }
  }
  return absl::OkStatus();
}

absl::Status ImportInterpreter::run_loop(const torch::jit::Node* node, Frame& frame) {
  Values inputs;
  for (const torch::jit::Value* input : node->inputs()) {
    PARE_ASSIGN_OR_RETURN(ImportValue value, value_of(input, frame));
    inputs.push_back(std::move(value));
  }
  PARE_ASSIGN_OR_RETURN(const c10::IValue most, must_know(node, inputs[0], "the number of rounds of a loop"));
  PARE_ASSIGN_OR_RETURN(c10::IValue goes_on, must_know(node, inputs[1], "a loop's condition"));
  const torch::jit::Block* body = node->blocks()[0];
  Values carried(inputs.begin() + 2, inputs.end());
  for (int64_t round = 0; round < most.toInt() && goes_on.toBool(); ++round) {
    if (++steps_ > kMostSteps) {
      return with_source(absl::UnimplementedError("the model takes more than 3 million steps: a loop without an end?"),
                         node);
    }
    frame.values[body->inputs()[0]] = ImportValue::constant(round);
    for (size_t i = 0; i < carried.size(); ++i) frame.values[body->inputs()[i + 1]] = std::move(carried[i]);
    PARE_ASSIGN_OR_RETURN(Values outputs, run_block(body, frame));
    PARE_ASSIGN_OR_RETURN(goes_on, must_know(node, outputs[0], "a loop's condition"));
    carried.assign(std::make_move_iterator(outputs.begin() + 1), std::make_move_iterator(outputs.end()));
  }
  return set_outputs(node, std::move(carried), frame);
}

absl::StatusOr<ImportValue> ImportInterpreter::call(const torch::jit::Node* node, Frame& frame) {
  Values inputs;
  for (const torch::jit::Value* input : node->inputs()) {
    PARE_ASSIGN_OR_RETURN(ImportValue value, value_of(input, frame));
    inputs.push_back(std::move(value));
  }
  torch::jit::Function* function = nullptr;
  NodePlace place = frame.place;
  if (node->kind() == prim::CallFunction) {
    const auto type = node->input(0)->type()->cast<c10::FunctionType>();
    if (type != nullptr) function = type->function();
    inputs.erase(inputs.begin());
  } else if (inputs[0].kind == Kind::kConstant && inputs[0].known.isObject()) {
    const c10::ivalue::Object& object = inputs[0].known.toObjectRef();
    function = object.type()->findMethod(node->s(attr::name));
    place = attributes_.place_of(&object, place);
  }
  torch::jit::GraphFunction* callee = function == nullptr ? nullptr : torch::jit::tryToGraphFunction(*function);
  if (callee == nullptr) {
    return with_source(absl::UnimplementedError("the model calls a function that is not written in TorchScript; trace "
                                                "the model with torch.jit.trace"),
                       node);
  }
  return run(*callee->graph(), inputs, place);
}

absl::StatusOr<ImportValue> ImportInterpreter::get_attribute(const torch::jit::Node* node, Frame& frame) {
  PARE_ASSIGN_OR_RETURN(const ImportValue object, value_of(node->input(), frame));
  if (object.kind != Kind::kConstant || !object.known.isObject()) {
    return with_source(absl::UnimplementedError(absl::StrCat("the model reads attribute ", node->s(attr::name),
                                                             " of an object that only a run can know")),
                       node);
  }
  auto value = attributes_.get(&object.known.toObjectRef(), node->s(attr::name));
  if (!value.ok()) return with_source(value.status(), node);
  return value;
}

absl::Status ImportInterpreter::set_attribute(const torch::jit::Node* node, Frame& frame) {
  PARE_ASSIGN_OR_RETURN(const ImportValue object, value_of(node->input(0), frame));
  PARE_ASSIGN_OR_RETURN(ImportValue value, value_of(node->input(1), frame));
  if (object.kind != Kind::kConstant || !object.known.isObject()) {
    return with_source(absl::UnimplementedError(absl::StrCat("the model sets attribute ", node->s(attr::name),
                                                             " of an object that only a run can know")),
                       node);
  }
  const absl::Status status = attributes_.set(&object.known.toObjectRef(), node->s(attr::name), std::move(value));
  return status.ok() ? status : with_source(status, node);
}

absl::Status ImportInterpreter::raise(const torch::jit::Node* node, Frame& frame) {
  std::string message = "(its message depends on the input)";
  const auto text = value_of(node->input(0), frame);
  if (text.ok() && text->kind == Kind::kConstant && text->known.isString()) message = text->known.toStringRef();
  return with_source(absl::InvalidArgumentError(absl::StrCat("the model raises an exception: ", message)), node);
}

}  // namespace pare::graph
