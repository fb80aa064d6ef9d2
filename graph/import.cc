#include "graph/import.h"

#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/load_torchscript.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "graph/functionalize.h"
#include "graph/import_attributes.h"
#include "graph/import_emitter.h"
#include "graph/import_finish.h"
#include "graph/import_interpreter.h"
#include "graph/import_operators.h"

namespace pare::graph {

namespace {

using Examples = std::vector<std::vector<c10::IValue>>;

// What the nodes of a block tell about where they come from.
struct Origins {
  bool has_traced = false;
  bool has_scripted = false;
  bool is_straight = true;  // operators and calls of methods: no control flow, no calls of functions
};

void collect_origins(const torch::jit::Block* block, Origins& origins) {
  for (const torch::jit::Node* node : block->nodes()) {
    if (node->kind() == torch::jit::prim::CallFunction || !node->blocks().empty()) origins.is_straight = false;
    // These are made by the compiler when a file is read, and have no source of their own.
    if (node->kind() == torch::jit::prim::Constant || node->kind() == torch::jit::prim::GetAttr) continue;
    const Origin origin = origin_of(node);
    origins.has_traced |= origin == Origin::kTrace;
    origins.has_scripted |= origin == Origin::kScript;
  }
}

// A traced model may call scripted functions and modules, so one traced node is enough. Where no node tells (a file
// that was stripped of its source, a trace recorded in C++) a model without any control flow is taken for a trace.
bool is_traced(const torch::jit::Module& module) {
  Origins origins;
  for (const torch::jit::Module& each : module.modules()) {
    for (torch::jit::Function* method : each.type()->methods()) {
      torch::jit::GraphFunction* function = torch::jit::tryToGraphFunction(*method);
      if (function != nullptr) collect_origins(function->graph()->block(), origins);
    }
  }
  return origins.has_traced || (!origins.has_scripted && origins.is_straight);
}

// "x.1" is TorchScript's way of telling two values named x apart.
std::string input_name(const torch::jit::Value* value) {
  const std::string name = value->debugName();
  return name.substr(0, name.find('.'));
}

// The inputs of the graph, constants where an argument keeps its default.
absl::StatusOr<std::vector<ImportValue>> add_inputs(Graph& graph, const torch::jit::Module& module,
                                                    const torch::jit::Graph& source, size_t num_shapes) {
  const c10::FunctionSchema& schema = module.get_method("forward").function().getSchema();
  std::vector<ImportValue> values = {ImportValue::constant(module._ivalue())};
  for (size_t i = 1; i < source.inputs().size(); ++i) {
    const torch::jit::Value* input = source.inputs()[i];
    const c10::Argument& argument = schema.arguments().at(i);
    const bool is_given = graph.inputs().size() < num_shapes;
    if (argument.default_value().has_value() && !is_given) {
      values.push_back(ImportValue::constant(*argument.default_value()));
      continue;
    }
    c10::TypePtr type = input->type();
    if (const auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
    if (!type->isSubtypeOf(*c10::TensorType::get())) {
      return absl::UnimplementedError(absl::StrCat("forward's argument ", input_name(input), " is a ", type->repr_str(),
                                                   ": only tensors are imported; wrap the model in a module that takes "
                                                   "tensors, and trace that"));
    }
    values.push_back(ImportValue::of_graph(graph.add_input(input_name(input))));
  }
  return values;
}

// Two examples of the inputs, with batches of two sizes: what differs between them depends on the batch.
absl::StatusOr<Examples> make_examples(const Graph& graph, const ImportOptions& options) {
  if (options.input_shapes.empty()) return Examples();
  if (options.input_shapes.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", graph.inputs().size(), " inputs, the shapes of ",
                                                   options.input_shapes.size(), " are given"));
  }
  Examples examples(2);
  for (size_t i = 0; i < options.input_shapes.size(); ++i) {
    const auto dtype = i < options.input_dtypes.size() ? options.input_dtypes[i] : c10::kFloat;
    for (const int64_t size : options.input_shapes[i]) {
      if (size < 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("the shape of input ", i, " has the size ", size, "; sizes are at least 1"));
      }
    }
    for (int64_t more = 0; more < 2; ++more) {
      std::vector<int64_t> shape = options.input_shapes[i];
      if (!shape.empty()) shape[0] += more;
      PARE_ASSIGN_OR_RETURN(at::Tensor example, guard_torch(absl::StrCat("an example of input ", i),
                                                            [&] { return at::zeros(shape, dtype); }));
      examples[static_cast<size_t>(more)].emplace_back(std::move(example));
    }
  }
  return examples;
}

struct Attempt {
  std::shared_ptr<Model> model;
  bool must_not_fold = false;
};

absl::StatusOr<Attempt> attempt(const torch::jit::Module& module, const ImportOptions& options, bool copy,
                                bool fold_tensors) {
  const std::shared_ptr<torch::jit::Graph> source = module.get_method("forward").graph();
  const bool is_trace = is_traced(module);
  auto graph = std::make_unique<Graph>();
  PARE_ASSIGN_OR_RETURN(ImportAttributes attributes, ImportAttributes::create(*graph, module, copy));
  PARE_ASSIGN_OR_RETURN(std::vector<ImportValue> inputs,
                        add_inputs(*graph, module, *source, options.input_shapes.size()));
  PARE_ASSIGN_OR_RETURN(Examples example_inputs, make_examples(*graph, options));
  ExampleRun examples(*graph, std::move(example_inputs));
  ImportEmitter emitter(*graph, examples, {.is_trace = is_trace, .fold_tensors = fold_tensors});
  ImportInterpreter interpreter(emitter, attributes);
  const NodePlace top = attributes.place_of(module._ivalue().get(), {});
  PARE_ASSIGN_OR_RETURN(const ImportValue output, interpreter.run(*source, inputs, top));
  PARE_RETURN_IF_ERROR(attributes.check_lists());
  PARE_ASSIGN_OR_RETURN(Value * result, emitter.materialize(output, top));
  graph->set_output(result);
  if (fold_tensors && (emitter.has_written_into_constant() || writes_into_constants(*graph))) {
    return Attempt{.model = nullptr, .must_not_fold = true};
  }
  PARE_ASSIGN_OR_RETURN(
      std::shared_ptr<Model> model,
      finish_import(std::move(graph), {.is_trace = is_trace,
                                       .inputs = {.shapes = options.input_shapes, .dtypes = options.input_dtypes}}));
  return Attempt{.model = std::move(model)};
}

absl::StatusOr<std::shared_ptr<Model>> import_loaded(const torch::jit::Module& module, const ImportOptions& options,
                                                     bool copy) {
  const auto guarded = [&](bool fold_tensors) -> absl::StatusOr<Attempt> {
    // Whatever LibTorch throws at a program that its compiler let pass.
    PARE_ASSIGN_OR_RETURN(auto result, guard_torch("import", [&]() -> absl::StatusOr<Attempt> {
                            if (!module.find_method("forward").has_value()) {
                              return absl::InvalidArgumentError("the TorchScript module has no method forward");
                            }
                            return attempt(module, options, copy, fold_tensors);
                          }));
    return result;
  };
  PARE_ASSIGN_OR_RETURN(Attempt first, guarded(/*fold_tensors=*/true));
  if (!first.must_not_fold) return first.model;
  PARE_ASSIGN_OR_RETURN(Attempt second, guarded(/*fold_tensors=*/false));
  return second.model;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Model>> import_torchscript(const std::string& path, const ImportOptions& options) {
  PARE_ASSIGN_OR_RETURN(const torch::jit::Module module, load_torchscript(path));
  auto model = import_loaded(module, options, /*copy=*/false);
  if (model.ok()) return model;
  return absl::Status(model.status().code(), absl::StrCat(path, ": ", std::string(model.status().message())));
}

absl::StatusOr<std::shared_ptr<Model>> import_torchscript(const torch::jit::Module& module,
                                                          const ImportOptions& options) {
  return import_loaded(module, options, /*copy=*/true);
}

}  // namespace pare::graph
