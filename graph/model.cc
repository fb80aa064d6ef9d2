#include "graph/model.h"

#include <ATen/ops/isfinite.h>

#include <utility>

#include "absl/strings/str_cat.h"
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

}  // namespace

Model::Model(std::unique_ptr<Graph> graph) : graph_(std::move(graph)) {}
Model::~Model() = default;

absl::StatusOr<c10::IValue> Model::forward(std::vector<c10::IValue> inputs) {
  if (inputs.size() != graph_->inputs().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model takes ", graph_->inputs().size(), " inputs, but ", inputs.size(), " were given"));
  }
  if (program_ == nullptr || program_->version() != graph_->version()) {
    PARE_ASSIGN_OR_RETURN(Program program, Program::compile(*graph_));
    program_ = std::make_unique<Program>(std::move(program));
  }
  return program_->run(std::move(inputs), training_, observer_);
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
    const auto moved = [&](const at::Tensor& tensor) {
      return tensor.to(device.value_or(tensor.device()),
                       dtype.has_value() && tensor.is_floating_point() ? *dtype : tensor.scalar_type());
    };
    for (const std::vector<Value*>* values : {&graph_->parameters(), &graph_->buffers()}) {
      for (Value* value : *values) {
        // set_data keeps the tensor's identity, which is what an optimizer holds.
        at::Tensor tensor = value->tensor();
        tensor.set_data(moved(tensor.detach()));
        tensor.mutable_grad().reset();
      }
    }
    for (Node* node : graph_->nodes()) {
      for (Value* input : node->inputs()) {
        if (!input->is_constant()) continue;
        if (input->constant().isTensor() && input->constant().toTensor().defined()) {
          graph_->set_constant(input, moved(input->constant().toTensor()));
        } else if (input->constant().isDevice() && device.has_value()) {
          graph_->set_constant(input, *device);
        }
      }
    }
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
      const at::Tensor& tensor = value->tensor();
      if (tensor.is_floating_point() && !at::isfinite(tensor.detach()).all().item<bool>())
        names.push_back(value->name());
    }
  }
  return names;
}

}  // namespace pare::graph
