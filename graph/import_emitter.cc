#include "graph/import_emitter.h"

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "graph/import_checks.h"
#include "graph/import_numbers.h"
#include "graph/import_operators.h"

namespace pare::graph {

namespace {

using Values = std::vector<ImportValue>;
using Kind = ImportValue::Kind;
using MaybeValues = absl::StatusOr<std::optional<Values>>;

// LibTorch's own default for a normalization layer.
constexpr double kMomentum = 0.1;

std::string name_of(const torch::jit::Node* node) { return node->kind().toQualString(); }

bool holds_tensor(const c10::TypePtr& type) {
  if (type->isSubtypeOf(*c10::TensorType::get())) return true;
  for (const c10::TypePtr& contained : type->containedTypes()) {
    if (holds_tensor(contained)) return true;
  }
  return false;
}

bool holds_tensor(const c10::IValue& value) {
  if (value.isTensor()) return true;
  if (value.isTuple()) {
    const auto& elements = value.toTupleRef().elements();
    return std::any_of(elements.begin(), elements.end(), [](const c10::IValue& each) { return holds_tensor(each); });
  }
  if (value.isList()) {
    const auto elements = value.toListRef();
    return std::any_of(elements.begin(), elements.end(), [](const c10::IValue& each) { return holds_tensor(each); });
  }
  return false;
}

bool is_from_data(const ImportValue& value) {
  if (value.from_data) return true;
  if (value.number != nullptr && is_from_data(*value.number)) return true;
  return value.container != nullptr &&
         std::any_of(value.container->elements.begin(), value.container->elements.end(), is_from_data);
}

// Whether what is computed from these inputs depends on what tensors hold.
bool depends_on_data(const torch::jit::Node* node, const Values& inputs) {
  if (std::any_of(inputs.begin(), inputs.end(), is_from_data)) return true;
  if (is_metadata(node)) return false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool is_known = inputs[i].to_ivalue().has_value() || inputs[i].number != nullptr;
    if (!is_known && holds_tensor(node->input(i)->type())) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<ImportValue> ImportEmitter::constant(c10::IValue value, const NodePlace& place) {
  if (!options_.fold_tensors && value.isTensor() && value.toTensor().defined()) {
    PARE_ASSIGN_OR_RETURN(Node * clone,
                          graph_.add_operator("aten::clone", "",
                                              {graph_.add_constant(std::move(value)), graph_.add_constant({})}, place));
    return ImportValue::of_graph(clone->output());
  }
  return ImportValue::constant(std::move(value));
}

absl::StatusOr<Value*> ImportEmitter::materialize(const ImportValue& value, const NodePlace& place) {
  if (value.kind == Kind::kGraph) return value.value;
  if (value.kind == Kind::kUnknown) {
    return absl::UnimplementedError(
        "the model computes with a text or an uninitialized variable that only a run can know; trace it with "
        "torch.jit.trace");
  }
  if (auto known = value.to_ivalue(); known.has_value()) return graph_.add_constant(*std::move(known));
  std::vector<Value*> elements;
  for (size_t i = 0; i < value.container->elements.size(); ++i) {
    if (value.kind == Kind::kDict) elements.push_back(graph_.add_constant(value.container->keys[i]));
    PARE_ASSIGN_OR_RETURN(Value * element, materialize(value.container->elements[i], place));
    elements.push_back(element);
  }
  const char* op = "prim::TupleConstruct";
  c10::TypePtr type;
  if (value.kind == Kind::kList) {
    op = "prim::ListConstruct";
    type = value.container->type->expect<c10::ListType>()->getElementType();
  } else if (value.kind == Kind::kDict) {
    op = "prim::DictConstruct";
    type = value.container->type;
  }
  PARE_ASSIGN_OR_RETURN(Node * node, graph_.add_structure(op, std::move(elements), 1, place, std::move(type)));
  return node->output();
}

// Whether the shape of the tensors that it makes depends on what its inputs hold.
bool ImportEmitter::makes_data_shape(const torch::jit::Node* node, const Values& inputs) {
  if (has_data_shape(node)) return true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!is_from_data(inputs[i])) continue;
    if (holds_tensor(node->input(i)->type()) || sizes_result(node, i)) return true;
  }
  // x[mask] has a row for every true element; x[positions] one for every position.
  if (name_of(node) != "aten::index" || inputs.size() < 2) return false;
  if (inputs[1].container == nullptr) return true;
  const Values& indices = inputs[1].container->elements;
  return std::any_of(indices.begin(), indices.end(), [this](const ImportValue& index) { return may_be_mask(index); });
}

bool ImportEmitter::may_be_mask(const ImportValue& index) {
  const auto is_mask = [](const c10::IValue& value) {
    if (!value.isTensor() || !value.toTensor().defined()) return false;
    const c10::ScalarType type = value.toTensor().scalar_type();
    return type == c10::kBool || type == c10::kByte;
  };
  if (index.is_none()) return false;
  // A mask that is known now picks a number of rows that is known now.
  if (index.kind != Kind::kGraph) return false;
  if (index.value->is_parameter() || index.value->is_buffer()) return is_mask(index.value->tensor());
  const auto examples = examples_.values(index.value);
  return !examples.ok() || !examples->has_value() || is_mask((*examples)->front());
}

absl::StatusOr<std::optional<c10::IValue>> ImportEmitter::decide(const ImportValue& value) {
  if (auto known = value.to_ivalue(); known.has_value()) return known;
  if (value.kind != Kind::kGraph || value.from_data) return std::optional<c10::IValue>();
  PARE_ASSIGN_OR_RETURN(auto examples, examples_.values(value.value));
  if (!examples.has_value()) return std::optional<c10::IValue>();
  for (const c10::IValue& each : *examples) {
    if (each != examples->front()) {
      return absl::UnimplementedError(
          "the model decides on the size of the batch, and one graph cannot hold both ways; make the condition "
          "independent of dimension 0 of the inputs, or trace the model with torch.jit.trace");
    }
  }
  PARE_RETURN_IF_ERROR(add_size_checks(graph_, value.value, examples_));
  return std::optional<c10::IValue>(examples->front());
}

absl::StatusOr<Values> ImportEmitter::run(const torch::jit::Node* node, Values inputs, const NodePlace& place) {
  // Before anything is executed: this is the one way from a file's operators to LibTorch's.
  if (options_.is_from_file || is_builtin(node)) PARE_RETURN_IF_ERROR(check_allowed(node));
  PARE_ASSIGN_OR_RETURN(auto special, run_special(node, inputs, place));
  if (special.has_value()) return *std::move(special);
  PARE_ASSIGN_OR_RETURN(auto sizes, run_on_sizes(node, inputs, place));
  if (sizes.has_value()) return *std::move(sizes);
  auto contained = run_container_operator(name_of(node), inputs, node->outputs().size());
  if (!contained.ok()) return with_source(contained.status(), node);
  if (contained->has_value()) return **std::move(contained);
  PARE_ASSIGN_OR_RETURN(auto folded, fold(node, inputs));
  if (folded.has_value()) return *std::move(folded);
  return emit(node, inputs, place);
}

// What has no schema, or a meaning here that its schema does not tell.
MaybeValues ImportEmitter::run_special(const torch::jit::Node* node, const Values& inputs, const NodePlace& place) {
  const std::string name = name_of(node);
  const auto one = [](ImportValue value) { return std::optional<Values>(Values{std::move(value)}); };
  if (name == "prim::ListConstruct") return one(ImportValue::list(node->output()->type(), inputs));
  if (name == "prim::TupleConstruct") return one(ImportValue::tuple(node->output()->type(), inputs));
  if (name == "prim::DictConstruct") {
    ImportValue dict = ImportValue::list(node->output()->type(), {});
    dict.kind = Kind::kDict;
    for (size_t i = 0; i + 1 < inputs.size(); i += 2) {
      if (inputs[i].kind != Kind::kConstant) {
        return with_source(absl::UnimplementedError("a dict with keys that depend on the input"), node);
      }
      dict.container->keys.push_back(inputs[i].known);
      dict.container->elements.push_back(inputs[i + 1]);
    }
    return one(std::move(dict));
  }
  if (name == "prim::TupleSlice" && inputs[0].kind == Kind::kTuple) {
    const Values& elements = inputs[0].container->elements;
    const auto begin = elements.begin() + node->i(torch::jit::attr::beg);
    const auto end = elements.begin() + node->i(torch::jit::attr::end);
    return one(ImportValue::tuple(node->output()->type(), Values(begin, end)));
  }
  if ((name == "prim::ListUnpack" || name == "prim::TupleUnpack") && inputs[0].kind == Kind::kGraph) {
    PARE_ASSIGN_OR_RETURN(Values unpacked, emit_unpack(node, inputs[0], place));
    return std::optional<Values>(std::move(unpacked));
  }
  if (name == "prim::Print" || name == "aten::warn") return std::optional<Values>(Values{});
  if (name == "prim::Uninitialized") return one(ImportValue());
  if (name == "prim::unchecked_cast" || name == "prim::unchecked_unwrap_optional" || name == "aten::_unwrap_optional" ||
      name == "prim::annotate") {
    if (inputs[0].is_none() && node->output()->type()->kind() != c10::TypeKind::NoneType) {
      return with_source(absl::InvalidArgumentError("the model takes a value that is None for one that is not"), node);
    }
    return one(inputs[0]);
  }
  if (name == "aten::__is__" || name == "aten::__isnot__") {
    // What a node computes is never None: operators with optional results are unknown to TorchScript.
    if (inputs[0].is_none() != inputs[1].is_none()) return one(ImportValue::constant(name == "aten::__isnot__"));
  }
  if (name == "prim::isinstance" && inputs[0].kind != Kind::kConstant) {
    const c10::TypePtr type = node->input()->type();
    const auto& candidates = node->tys(torch::jit::attr::types);
    return one(ImportValue::constant(std::any_of(candidates.begin(), candidates.end(),
                                                 [&](const c10::TypePtr& each) { return type->isSubtypeOf(*each); })));
  }
  // A model is imported to be trained.
  if (name == "aten::is_grad_enabled") return one(ImportValue::constant(true));
  if (name == "prim::requires_grad" && inputs[0].kind == Kind::kGraph && !inputs[0].value->is_parameter() &&
      !inputs[0].value->is_buffer()) {
    return one(ImportValue::constant(true));
  }
  // It fills in for None, which a list of known ints has none of.
  if (name == "aten::list_with_default" && inputs[0].to_ivalue().has_value()) return one(inputs[0]);
  return std::optional<Values>();
}

absl::StatusOr<Values> ImportEmitter::emit_unpack(const torch::jit::Node* node, const ImportValue& input,
                                                  const NodePlace& place) {
  Values outputs;
  const size_t count = node->outputs().size();
  if (input.sizes_of != nullptr) {
    for (size_t i = 0; i < count; ++i) {
      PARE_ASSIGN_OR_RETURN(ImportValue size, emit_size(input, static_cast<int64_t>(i), place));
      outputs.push_back(std::move(size));
    }
    return outputs;
  }
  PARE_ASSIGN_OR_RETURN(Node * unpack, graph_.add_structure(name_of(node), {input.value}, count, place));
  for (Value* output : unpack->outputs()) {
    outputs.push_back(ImportValue::of_graph(output));
    outputs.back().from_data = input.from_data;
  }
  return outputs;
}

absl::StatusOr<ImportValue> ImportEmitter::emit_size(const ImportValue& sizes, int64_t dimension,
                                                     const NodePlace& place) {
  PARE_ASSIGN_OR_RETURN(
      Node * size, graph_.add_operator("aten::size", "int", {sizes.sizes_of, graph_.add_constant(dimension)}, place));
  ImportValue result = ImportValue::of_graph(size->output());
  result.from_data = sizes.from_data;
  return result;
}

// Operators on a tensor's list of sizes: on one size where the position is known, on all of them where an example says
// how many there are.
MaybeValues ImportEmitter::run_on_sizes(const torch::jit::Node* node, const Values& inputs, const NodePlace& place) {
  if (inputs.empty() || inputs[0].sizes_of == nullptr) return std::optional<Values>();
  const std::string name = name_of(node);
  if (name == "aten::__getitem__" && inputs[1].kind == Kind::kConstant) {
    PARE_ASSIGN_OR_RETURN(ImportValue size, emit_size(inputs[0], inputs[1].known.toInt(), place));
    return std::optional<Values>(Values{std::move(size)});
  }
  if (name != "aten::slice" && name != "aten::len" && name != "aten::add" && name != "aten::list") {
    return std::optional<Values>();
  }
  PARE_ASSIGN_OR_RETURN(auto examples, examples_.values(inputs[0].sizes_of));
  if (!examples.has_value()) return std::optional<Values>();
  PARE_RETURN_IF_ERROR(add_rank_checks(graph_, inputs[0].sizes_of, examples_));
  Values expanded = inputs;
  Values sizes;
  for (int64_t i = 0; i < examples->front().toTensor().dim(); ++i) {
    PARE_ASSIGN_OR_RETURN(ImportValue size, emit_size(inputs[0], i, place));
    sizes.push_back(std::move(size));
  }
  expanded[0] = ImportValue::list(c10::ListType::ofInts(), std::move(sizes));
  return run_container_operator(name, expanded, node->outputs().size());
}

MaybeValues ImportEmitter::fold(const torch::jit::Node* node, const Values& inputs) {
  if (!is_pure(node)) return std::optional<Values>();
  std::vector<c10::IValue> known;
  for (const ImportValue& input : inputs) {
    std::optional<c10::IValue> value = input.to_ivalue();
    if (!value.has_value()) return std::optional<Values>();
    known.push_back(*std::move(value));
  }
  const auto makes_tensor = [](const torch::jit::Value* output) { return holds_tensor(output->type()); };
  if (!options_.fold_tensors && std::any_of(node->outputs().begin(), node->outputs().end(), makes_tensor)) {
    return std::optional<Values>();
  }
  PARE_ASSIGN_OR_RETURN(std::vector<c10::IValue> results, run_operator(node, std::move(known)));
  Values outputs;
  for (c10::IValue& result : results) outputs.push_back(ImportValue::constant(std::move(result)));
  return std::optional<Values>(std::move(outputs));
}

void ImportEmitter::warn_about_momentum(const std::string& layer) {
  if (std::exchange(has_warned_, true)) return;
  log_warning(absl::StrCat(layer, ": a normalization without a momentum (momentum=None) is imported with ", kMomentum,
                           ", by which its running statistics follow the batches in training; so are others like it"));
}

void ImportEmitter::connect_training(const torch::jit::Node* node, std::vector<Value*>& values,
                                     const NodePlace& place) {
  const c10::FunctionSchema& schema = node->getOperator().schema();
  const Origin origin = origin_of(node);
  const bool is_traced = origin == Origin::kUnknown ? options_.is_trace : origin == Origin::kTrace;
  for (const char* flag : {"training", "train", "use_input_stats"}) {
    const auto index = schema.argumentIndexWithName(flag);
    if (!index.has_value() || !values[*index]->is_constant() || !values[*index]->constant().isBool()) continue;
    if (const auto mean = schema.argumentIndexWithName("running_mean"); mean.has_value()) {
      if (values[*mean]->is_none()) continue;
      // A layer with momentum=None averages over all batches, by a counter that import leaves out, and in evaluation
      // mode it passes 0 on, with which training would never move the statistics.
      const auto momentum = schema.argumentIndexWithName("momentum");
      if (momentum.has_value() && values[*momentum]->is_constant() && values[*momentum]->constant().isDouble() &&
          values[*momentum]->constant().toDouble() == 0) {
        values[*momentum] = graph_.add_constant(kMomentum);
        warn_about_momentum(place.scope.empty() ? name_of(node) : place.scope);
      }
    } else if (values[*index]->constant().toBool() && !is_traced) {
      continue;  // a dropout that a script leaves on in evaluation mode is meant so
    }
    values[*index] = graph_.training();
  }
}

absl::StatusOr<Values> ImportEmitter::emit(const torch::jit::Node* node, const Values& inputs, const NodePlace& place) {
  const bool from_data = depends_on_data(node, inputs);
  const bool has_shape_from_data = makes_data_shape(node, inputs);
  const bool has_unknown =
      std::any_of(inputs.begin(), inputs.end(), [](const ImportValue& each) { return each.kind == Kind::kUnknown; });
  const std::string name = name_of(node);
  if (has_unknown && has_effect(node)) {
    return with_source(
        absl::UnimplementedError("the operator changes a tensor by a value that only a run can know (a condition, a "
                                 "text or an uninitialized variable); trace the model with torch.jit.trace"),
        node);
  }
  // Texts are made for messages: nothing that the graph needs.
  if (has_unknown || name == "aten::format" || name == "aten::percentFormat") {
    Values unknown(node->outputs().size());
    for (ImportValue& each : unknown) each.from_data = from_data;
    return unknown;
  }
  PARE_RETURN_IF_ERROR(check_registered(node));
  const std::shared_ptr<torch::jit::Operator> op = operator_of(node);
  const c10::FunctionSchema& schema = op->schema();
  if (schema.is_vararg() || schema.arguments().size() != inputs.size()) {
    return with_source(absl::UnimplementedError("this use of the operator is not supported by import; trace the model "
                                                "with torch.jit.trace"),
                       node);
  }
  std::vector<Value*> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const c10::AliasInfo* alias = schema.arguments()[i].alias_info();
    if (alias != nullptr && alias->isWrite() && inputs[i].container != nullptr) {
      return with_source(
          absl::UnimplementedError("the operator changes a list or dict, which import cannot follow; trace the model "
                                   "with torch.jit.trace"),
          node);
    }
    if (alias != nullptr && alias->isWrite() && inputs[i].kind == Kind::kConstant) has_written_into_constant_ = true;
    auto value = materialize(inputs[i], place);
    if (!value.ok()) return with_source(value.status(), node);
    values.push_back(*value);
  }
  connect_training(node, values, place);
  torch::jit::Operation operation = op->getOperation(node);
  PARE_ASSIGN_OR_RETURN(
      Node * made,
      graph_.add_operator(
          &schema, op, [operation](torch::jit::Stack& stack) mutable { operation(stack); }, std::move(values), place));
  Values outputs;
  for (size_t i = 0; i < made->outputs().size(); ++i) {
    outputs.push_back(ImportValue::of_graph(made->output(i)));
    outputs.back().from_data = holds_tensor(node->output(i)->type()) ? has_shape_from_data : from_data;
  }
  if (name == "aten::size" && inputs.size() == 1) outputs[0].sizes_of = made->input(0);
  PARE_ASSIGN_OR_RETURN(std::optional<ImportValue> number, number_in_tensor(graph_, name, inputs, place));
  if (number.has_value()) {
    number->from_data = number->from_data || std::any_of(inputs.begin(), inputs.end(), is_from_data);
    if (!holds_tensor(node->output()->type())) return Values{*std::move(number)};
    outputs[0].number = std::make_shared<ImportValue>(*std::move(number));
  }
  return outputs;
}

}  // namespace pare::graph
