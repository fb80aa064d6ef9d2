#include "graph/model.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "graph/program.h"

namespace pare::graph {

namespace {

// The first tensor in a value that may be a tuple or a list of them.
at::Tensor first_tensor(const c10::IValue& value) {
  if (value.isTensor()) return value.toTensor();
  if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) {
      if (at::Tensor found = first_tensor(element); found.defined()) return found;
    }
  }
  if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) {
      if (at::Tensor found = first_tensor(element); found.defined()) return found;
    }
  }
  return {};
}

std::vector<std::pair<std::string, at::Tensor>> named_tensors(const std::vector<Value*>& values) {
  std::vector<std::pair<std::string, at::Tensor>> result;
  for (const Value* value : values) result.emplace_back(value->name(), value->tensor());
  return result;
}

absl::Status check_sizes(const Graph& graph, const std::vector<c10::IValue>& inputs) {
  for (const SizeCheck& check : graph.size_checks()) {
    const auto found = std::find(graph.inputs().begin(), graph.inputs().end(), check.input);
    const c10::IValue& input = inputs[static_cast<size_t>(found - graph.inputs().begin())];
    if (!input.isTensor() || !input.toTensor().defined()) continue;  // the operators say what they think of it
    const at::IntArrayRef sizes = input.toTensor().sizes();
    const int64_t rank = static_cast<int64_t>(sizes.size());
    const bool is_right = check.dimension == SizeCheck::kRank
                              ? rank == check.expected
                              : check.dimension < rank && sizes[static_cast<size_t>(check.dimension)] == check.expected;
    if (is_right) continue;
    const std::string expected = check.dimension == SizeCheck::kRank
                                     ? absl::StrCat(check.expected, " dimensions")
                                     : absl::StrCat("the size ", check.expected, " in dimension ", check.dimension);
    return absl::InvalidArgumentError(absl::StrCat(
        "input ", check.input->name(), " has the shape [", absl::StrJoin(sizes, ", "),
        "], but the model was imported for ", expected,
        ": its branches or loops were decided by it. Import the model with the shape that it is to run with "
        "(ImportOptions::input_shapes, --input_shape)"));
  }
  return absl::OkStatus();
}

// The same value with every tensor in it, and every device, as `tensor_of` and `device` say.
c10::IValue moved(const c10::IValue& value, const std::function<at::Tensor(const at::Tensor&)>& tensor_of,
                  std::optional<c10::Device> device) {
  if (value.isTensor()) return value.toTensor().defined() ? tensor_of(value.toTensor()) : value;
  if (value.isDevice()) return device.has_value() ? c10::IValue(*device) : value;
  if (value.isTuple()) {
    std::vector<c10::IValue> elements;
    for (const c10::IValue& each : value.toTupleRef().elements()) elements.push_back(moved(each, tensor_of, device));
    return c10::ivalue::Tuple::create(std::move(elements));
  }
  if (value.isList()) {
    c10::impl::GenericList list(value.toList().elementType());
    for (const c10::IValue& each : value.toListRef()) list.push_back(moved(each, tensor_of, device));
    return list;
  }
  if (value.isGenericDict()) {
    const auto dict = value.toGenericDict();
    c10::impl::GenericDict copy(dict.keyType(), dict.valueType());
    for (const auto& entry : dict) copy.insert(entry.key(), moved(entry.value(), tensor_of, device));
    return copy;
  }
  return value;
}

// The constants of a graph with what uses them: the name of the node and of its argument.
void for_each_constant(const Graph& graph, const std::function<void(Value*, const std::string&)>& visit) {
  std::set<const Value*> seen;
  for (const Node* node : graph.nodes()) {
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      Value* input = node->input(i);
      if (!input->is_constant() || !seen.insert(input).second) continue;
      const bool has_name = node->schema() != nullptr && i < node->schema()->arguments().size();
      visit(input, absl::StrCat(node->name(), "'s constant ",
                                has_name ? node->schema()->arguments()[i].name() : absl::StrCat(i)));
    }
  }
  Value* output = graph.output();
  if (output != nullptr && output->is_constant() && seen.insert(output).second) visit(output, "the constant output");
}

bool is_finite(const at::Tensor& tensor) {
  const auto finite = guard_torch("looking for NaN", [&] {
    return !tensor.is_floating_point() || at::isfinite(tensor.detach()).all().item<bool>();
  });
  return finite.ok() && *finite;
}

bool has_nan(const at::Tensor& tensor) {
  const auto nan = guard_torch(
      "looking for NaN", [&] { return tensor.is_floating_point() && at::isnan(tensor.detach()).any().item<bool>(); });
  return !nan.ok() || *nan;
}

}  // namespace

Model::Model(std::unique_ptr<Graph> graph) : graph_(std::move(graph)) {}
Model::~Model() = default;

absl::StatusOr<c10::IValue> Model::forward(std::vector<c10::IValue> inputs) {
  if (inputs.size() != graph_->inputs().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model takes ", graph_->inputs().size(), " inputs, but ", inputs.size(), " were given"));
  }
  if (program_ == nullptr || program_->version() != graph_->version()) {
    PARE_ASSIGN_OR_RETURN(auto program,
                          guard_torch("preparing the model to run", [&] { return Program::compile(*graph_); }));
    PARE_RETURN_IF_ERROR(program.status());
    program_ = std::make_unique<Program>(*std::move(program));
  }
  PARE_RETURN_IF_ERROR(check_sizes(*graph_, inputs));
  std::vector<c10::ScalarType> dtypes;
  for (const c10::IValue& input : inputs) {
    if (input.isTensor() && input.toTensor().defined()) dtypes.push_back(input.toTensor().scalar_type());
  }
  if (dtypes.size() != inputs.size()) dtypes.clear();
  PARE_ASSIGN_OR_RETURN(c10::IValue output, program_->run(std::move(inputs), training_, observer_));
  // Those of a run that failed may be what it failed for.
  input_dtypes_ = std::move(dtypes);
  return output;
}

absl::StatusOr<at::Tensor> Model::forward_tensor(const std::vector<at::Tensor>& inputs) {
  PARE_ASSIGN_OR_RETURN(const c10::IValue output, forward(std::vector<c10::IValue>(inputs.begin(), inputs.end())));
  at::Tensor tensor = first_tensor(output);
  if (!tensor.defined()) {
    return absl::FailedPreconditionError(absl::StrCat("the model returns no tensor but a ", output.tagKind()));
  }
  return tensor;
}

absl::Status Model::to(std::optional<c10::Device> device, std::optional<c10::ScalarType> dtype) {
  return guard_torch("moving the model", [&] {
    const auto moved_tensor = [&](const at::Tensor& tensor) {
      return tensor.to(device.value_or(tensor.device()),
                       dtype.has_value() && tensor.is_floating_point() ? *dtype : tensor.scalar_type());
    };
    for (const std::vector<Value*>* values : {&graph_->parameters(), &graph_->buffers()}) {
      for (Value* value : *values) {
        // set_data keeps the tensor's identity, which is what an optimizer holds.
        at::Tensor tensor = value->tensor();
        tensor.set_data(moved_tensor(tensor.detach()));
        tensor.mutable_grad().reset();
      }
    }
    for_each_constant(*graph_, [&](Value* constant, const std::string&) {
      graph_->set_constant(constant, moved(constant->constant(), moved_tensor, device));
    });
  });
}

std::vector<std::pair<std::string, at::Tensor>> Model::named_parameters() const {
  return named_tensors(graph_->parameters());
}

std::vector<std::pair<std::string, at::Tensor>> Model::named_buffers() const {
  return named_tensors(graph_->buffers());
}

std::vector<at::Tensor> Model::parameters() const {
  std::vector<at::Tensor> result;
  for (const Value* value : graph_->parameters()) result.push_back(value->tensor());
  return result;
}

void Model::zero_grad() {
  for (at::Tensor& parameter : parameters()) parameter.mutable_grad().reset();
}

std::vector<std::string> Model::non_finite_tensors() const {
  std::vector<std::string> names;
  for (const std::vector<Value*>* values : {&graph_->parameters(), &graph_->buffers()}) {
    for (const Value* value : *values) {
      if (!is_finite(value->tensor())) names.push_back(value->name());
    }
  }
  for_each_constant(*graph_, [&](Value* constant, const std::string& name) {
    // An attention mask holds infinities on purpose.
    const c10::IValue& value = constant->constant();
    if (value.isTensor() && value.toTensor().defined() && has_nan(value.toTensor())) names.push_back(name);
  });
  return names;
}

}  // namespace pare::graph
