#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Generator.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/nn/module.h>

#include <map>
#include <set>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "graph/functionalize.h"
#include "graph/import.h"
#include "graph/import_attributes.h"
#include "graph/import_emitter.h"
#include "graph/import_finish.h"
#include "graph/import_interpreter.h"
#include "graph/import_trace.h"

namespace pare::graph {

namespace {

// "torch::nn::Conv2dImpl" is a Conv2d to its user.
std::string class_of(const torch::nn::Module& module) {
  std::string name = module.name();
  if (const size_t colon = name.rfind("::"); colon != std::string::npos) name = name.substr(colon + 2);
  if (absl::EndsWith(name, "Impl")) name.resize(name.size() - 4);
  return name;
}

std::map<std::string, std::string> classes_of(const torch::nn::Module& module) {
  std::map<std::string, std::string> classes = {{"", class_of(module)}};
  for (const auto& item : module.named_modules(/*name_prefix=*/"", /*include_self=*/false)) {
    classes.emplace(item.key(), class_of(*item.value()));
  }
  return classes;
}

NodePlace place_of(const std::string& scope, const std::map<std::string, std::string>& classes) {
  NodePlace place;
  place.scope = scope;
  place.scope_types.push_back(classes.at(""));
  if (scope.empty()) return place;
  std::string path;
  for (const absl::string_view part : absl::StrSplit(scope, '.')) {
    absl::StrAppend(&path, path.empty() ? "" : ".", part);
    const auto found = classes.find(path);
    if (found != classes.end()) place.scope_types.push_back(found->second);
  }
  return place;
}

// The mode of a module and of each of its submodules, which need not agree.
std::vector<std::pair<torch::nn::Module*, bool>> modes_of(torch::nn::Module& module) {
  std::vector<std::pair<torch::nn::Module*, bool>> modes = {{&module, module.is_training()}};
  for (const auto& child : module.modules(/*include_self=*/false))
    modes.emplace_back(child.get(), child->is_training());
  return modes;
}

absl::Status check_inputs(const std::vector<at::Tensor>& inputs) {
  if (inputs.empty()) return absl::InvalidArgumentError("import_module needs an example of every input");
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || inputs[i].dim() < 1 || inputs[i].size(0) < 1 ||
        inputs[i].size(0) != inputs[0].size(0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("example input ", i,
                       " must be a tensor with the batch in dimension 0, at least one row, as many rows as "
                       "the others"));
    }
  }
  return absl::OkStatus();
}

struct NamedState {
  NamedTensors tensors;  // parameters, then buffers
  size_t num_parameters = 0;
};

NamedState state_of(const torch::nn::Module& module) {
  NamedState state;
  std::set<const void*> seen;
  const auto add = [&](const auto& items) {
    for (const auto& item : items) {
      if (!item.value().defined() || !seen.insert(item.value().unsafeGetTensorImpl()).second) continue;
      state.tensors.emplace_back(item.key(), item.value());
    }
  };
  add(module.named_parameters());
  state.num_parameters = state.tensors.size();
  add(module.named_buffers());
  return state;
}

// size(input, 0) * factor, for every literal that is one.
absl::Status set_batch_literals(Graph& graph, ImportInterpreter& interpreter, const std::vector<BatchLiteral>& literals,
                                const NodePlace& place) {
  if (literals.empty()) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(Node * batch,
                        graph.add_operator("aten::size", "int", {graph.inputs()[0], graph.add_constant(0)}, place));
  std::map<int64_t, Value*> multiples = {{1, batch->output()}};
  std::map<const torch::jit::Value*, ImportValue> values;
  for (const BatchLiteral& literal : literals) {
    Value*& multiple = multiples[literal.factor];
    if (multiple == nullptr) {
      PARE_ASSIGN_OR_RETURN(
          Node * product,
          graph.add_operator("aten::mul", "int", {batch->output(), graph.add_constant(literal.factor)}, place));
      multiple = product->output();
    }
    if (literal.element < 0) {
      values[literal.value] = ImportValue::of_graph(multiple);
      continue;
    }
    auto [position, is_new] = values.try_emplace(literal.value);
    if (is_new) position->second = ImportValue::constant(*torch::jit::toIValue(literal.value));
    position->second.container->elements[static_cast<size_t>(literal.element)] = ImportValue::of_graph(multiple);
  }
  for (auto& [value, known] : values) interpreter.set_value(value, std::move(known));
  return absl::OkStatus();
}

bool is_random(const Graph& graph) {
  for (const Node* node : graph.nodes()) {
    for (const char* word : {"rand", "bernoulli", "multinomial", "normal", "uniform", "exponential"}) {
      if (absl::StrContains(node->op(), word)) return true;
    }
  }
  return false;
}

// What two recordings do not show (a condition on a third size of batch) a run does.
absl::Status check_with_other_batch(Model& model, const ForwardFunction& forward,
                                    const std::vector<at::Tensor>& inputs) {
  PARE_ASSIGN_OR_RETURN(const at::Tensor expected, guard_torch("the module, run with another size of batch", [&] {
                          at::NoGradGuard no_grad;
                          return forward(inputs);
                        }));
  at::NoGradGuard no_grad;
  PARE_ASSIGN_OR_RETURN(const at::Tensor output, model.forward_tensor(inputs));
  const bool is_same =
      output.sizes() == expected.sizes() && output.scalar_type() == expected.scalar_type() &&
      (is_random(model.graph()) || at::allclose(output, expected, /*rtol=*/1e-3, /*atol=*/1e-3, /*equal_nan=*/true));
  if (is_same) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      "the module's computation depends on the size of the batch or on what its inputs hold: imported from a batch of "
      "another size, it gives other results for a batch of ",
      inputs[0].size(0), "; one graph cannot hold both"));
}

absl::StatusOr<std::unique_ptr<Graph>> build(const Recording& recording, const std::vector<BatchLiteral>& literals,
                                             const NamedState& state, size_t num_inputs,
                                             const std::map<std::string, std::string>& classes, bool fold_tensors,
                                             bool* must_not_fold) {
  auto graph = std::make_unique<Graph>();
  std::vector<ImportValue> values;
  for (size_t i = 0; i < num_inputs; ++i) {
    values.push_back(ImportValue::of_graph(graph->add_input(num_inputs == 1 ? "input" : absl::StrCat("input_", i))));
  }
  for (size_t i = 0; i < state.tensors.size(); ++i) {
    const auto& [name, tensor] = state.tensors[i];
    PARE_ASSIGN_OR_RETURN(
        Value * value, i < state.num_parameters ? graph->add_parameter(name, tensor) : graph->add_buffer(name, tensor));
    values.push_back(ImportValue::of_graph(value));
  }
  ExampleRun examples(*graph, {});
  ImportEmitter emitter(*graph, examples, {.is_trace = true, .fold_tensors = fold_tensors, .is_from_file = false});
  ImportAttributes no_attributes(*graph);
  ImportInterpreter interpreter(emitter, no_attributes);
  std::map<const torch::jit::Node*, NodePlace> places;
  for (const auto& [node, scope] : scopes_of(*recording.graph, num_inputs, state.tensors)) {
    places.emplace(node, place_of(scope, classes));
  }
  interpreter.set_places([&](const torch::jit::Node* node) { return places.at(node); });
  const NodePlace top = place_of("", classes);
  PARE_RETURN_IF_ERROR(set_batch_literals(*graph, interpreter, literals, top));
  PARE_ASSIGN_OR_RETURN(const ImportValue output, interpreter.run(*recording.graph, values, top));
  PARE_ASSIGN_OR_RETURN(Value * result, emitter.materialize(output, top));
  graph->set_output(result);
  *must_not_fold = emitter.has_written_into_constant() || writes_into_constants(*graph);
  return graph;
}

// Inputs that tell one computation from another: noise in the place of zeros, which leave of a model little more than
// its biases. From a generator of its own: import changes no one's random numbers.
std::vector<at::Tensor> with_noise(const std::vector<at::Tensor>& inputs) {
  at::Generator generator = at::detail::createCPUGenerator(/*seed_val=*/1);
  std::vector<at::Tensor> noisy;
  for (const at::Tensor& input : inputs) {
    const bool is_plain =
        input.is_floating_point() && input.numel() > 0 && at::eq(input, input.flatten()[0]).all().item<bool>();
    noisy.push_back(
        is_plain ? at::randn(input.sizes(), generator, at::TensorOptions().dtype(c10::kFloat)).to(input.options())
                 : input);
  }
  return noisy;
}

absl::StatusOr<std::shared_ptr<Model>> import_module_or_throw(torch::nn::Module& module, const ForwardFunction& forward,
                                                              const std::vector<at::Tensor>& example_inputs) {
  const auto modes = modes_of(module);
  module.eval();
  // Outer modules first, since train() sets the inner ones too.
  const absl::Cleanup restore = [&modes] {
    for (const auto& [each, is_training] : modes) each->train(is_training);
  };
  const NamedState state = state_of(module);
  const auto classes = classes_of(module);
  const int64_t batch = example_inputs[0].size(0);
  PARE_ASSIGN_OR_RETURN(const Recording first, record(forward, example_inputs, state.tensors));
  PARE_ASSIGN_OR_RETURN(const Recording second, record(forward, with_batch(example_inputs, batch + 1), state.tensors));
  PARE_ASSIGN_OR_RETURN(const auto literals, find_batch_literals(*first.graph, *second.graph, batch));
  std::unique_ptr<Graph> graph;
  for (const bool fold_tensors : {true, false}) {
    bool must_not_fold = false;
    PARE_ASSIGN_OR_RETURN(graph,
                          build(first, literals, state, example_inputs.size(), classes, fold_tensors, &must_not_fold));
    if (!must_not_fold) break;
  }
  PARE_ASSIGN_OR_RETURN(std::shared_ptr<Model> model, finish_import(std::move(graph), {}));
  // Noise after the repetition, so that no two rows are the same.
  const auto others = with_noise(with_batch(example_inputs, 2 * batch + 1));
  PARE_RETURN_IF_ERROR(check_with_other_batch(*model, forward, others));
  return model;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Model>> import_module(
    torch::nn::Module& module, const std::function<at::Tensor(const std::vector<at::Tensor>&)>& forward,
    const std::vector<at::Tensor>& example_inputs) {
  PARE_RETURN_IF_ERROR(check_inputs(example_inputs));
  PARE_ASSIGN_OR_RETURN(auto model,
                        guard_torch("import", [&] { return import_module_or_throw(module, forward, example_inputs); }));
  return model;
}

}  // namespace pare::graph
