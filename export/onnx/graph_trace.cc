#include "export/onnx/graph_trace.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "export/onnx/aliases.h"
#include "export/onnx/input_dtypes.h"
#include "graph/device.h"

namespace pare::exporters {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// Operators of whose tensor arguments only shape, dtype and device matter: all of them (index -1), or one.
const std::map<std::string_view, int>& metadata_readers() {
  static const auto* table =
      new std::map<std::string_view, int>{{"aten::size", -1},      {"aten::sym_size", -1},
                                          {"aten::dim", -1},       {"aten::numel", -1},
                                          {"aten::len", -1},       {"prim::dtype", -1},
                                          {"prim::device", -1},    {"prim::shape", -1},
                                          {"aten::zeros_like", 0}, {"aten::ones_like", 0},
                                          {"aten::full_like", 0},  {"aten::empty_like", 0},
                                          {"aten::new_zeros", 0},  {"aten::new_ones", 0},
                                          {"aten::new_full", 0},   {"aten::new_empty", 0},
                                          {"aten::type_as", 1},    {"aten::expand_as", 1},
                                          {"aten::view_as", 1},    {"aten::reshape_as", 1},
                                          {"aten::to", 1},         {"aten::is_floating_point", -1}};
  return *table;
}

// Operators that stay in the file though their inputs are constants (quantized weights), or that are not functions of
// their inputs.
bool is_never_constant(const Node& node) {
  const std::string& op = node.op();
  if (op.rfind("aten::fake_quantize", 0) == 0) return true;
  for (std::string_view random : {"aten::rand", "aten::normal", "aten::bernoulli", "aten::multinomial",
                                  "aten::exponential", "aten::uniform", "aten::random", "aten::poisson"}) {
    if (op.rfind(random, 0) == 0) return true;
  }
  return false;
}

using Values = std::map<const Value*, c10::IValue>;

void append_shapes(const c10::IValue& value, std::vector<TensorInfo>* tensors) {
  if (value.isTensor()) {
    TensorInfo info;
    const at::Tensor& tensor = value.toTensor();
    if (!tensor.defined()) return;
    info.dtype = tensor.scalar_type();
    for (int64_t size : tensor.sizes()) info.dims.push_back({size, size});
    tensors->push_back(std::move(info));
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) append_shapes(tensor, tensors);
  } else if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) append_shapes(element, tensors);
  } else if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) append_shapes(element, tensors);
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) append_shapes(entry.value(), tensors);
  }
}

bool is_same(const c10::IValue& first, const c10::IValue& second) {
  if (first.tagKind() != second.tagKind()) return false;
  if (first.isTensor()) {
    const at::Tensor &a = first.toTensor(), &b = second.toTensor();
    if (!a.defined() || !b.defined()) return a.defined() == b.defined();
    if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
    // Two NaNs are the same constant, too.
    return a.equal(b) || (a.is_floating_point() && ((a == b) | (a.isnan() & b.isnan())).all().item<bool>());
  }
  if (first.isTuple()) {
    const auto &a = first.toTupleRef().elements(), &b = second.toTupleRef().elements();
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!is_same(a[i], b[i])) return false;
    }
    return true;
  }
  if (first.isList()) {
    const auto a = first.toListRef(), b = second.toListRef();
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!is_same(a[i], b[i])) return false;
    }
    return true;
  }
  if (first.isInt() || first.isDouble() || first.isBool() || first.isString() || first.isNone() || first.isDevice()) {
    return first == second;
  }
  return false;
}

// Executes the graph once.
class Run {
 public:
  Run(const Graph& graph, const Aliases& aliases, std::map<const Value*, ValueInfo>* infos, bool is_first)
      : graph_(graph), aliases_(aliases), infos_(*infos), is_first_(is_first) {}

  absl::Status execute(const std::vector<at::Tensor>& inputs, const std::set<const Value*>& keep) {
    at::NoGradGuard no_grad;
    for (size_t i = 0; i < inputs.size(); ++i) record(graph_.inputs()[i], inputs[i]);
    const std::vector<Node*> nodes = graph_.nodes();
    std::map<const Value*, const Node*> last_users;
    for (const Node* node : nodes) {
      for (const Value* input : node->inputs()) last_users[input] = node;
    }
    for (const Node* node : nodes) {
      PARE_RETURN_IF_ERROR(guard_torch(describe(*node), [&] { call(*node); }));
      for (const Value* input : node->inputs()) {
        if (last_users[input] == node && keep.count(input) == 0) values_.erase(input);
      }
      for (const Value* output : node->outputs()) {
        if (output->uses().empty() && keep.count(output) == 0) values_.erase(output);
      }
    }
    if (graph_.output()->kind() != Value::Kind::kNodeOutput) load(graph_.output());
    return absl::OkStatus();
  }

  Values& values() { return values_; }

 private:
  static std::string describe(const Node& node) {
    return node.source().empty() ? node.name() : absl::StrCat(node.name(), " (", node.source(), ")");
  }

  c10::IValue load(const Value* value) {
    if (auto found = values_.find(value); found != values_.end()) return found->second;
    switch (value->kind()) {
      case Value::Kind::kTraining:
        record(value, false);
        break;
      case Value::Kind::kConstant:
      case Value::Kind::kParameter:
      case Value::Kind::kBuffer: {
        c10::IValue own = value->is_constant() ? value->constant() : c10::IValue(value->tensor());
        // The model's own tensors are not to change, whatever the operators do.
        if (own.isTensor() && own.toTensor().defined()) {
          at::Tensor tensor = own.toTensor().detach();
          own = is_written(value) ? tensor.clone() : tensor;
        }
        record(value, std::move(own));
        break;
      }
      default:
        TORCH_CHECK(false, "the value ", value->name(), " has not been computed");
    }
    return values_.at(value);
  }

  bool is_written(const Value* value) const {
    const auto& group = aliases_.group(value);
    return std::any_of(group.begin(), group.end(), [](const Value* member) {
      return std::any_of(member->uses().begin(), member->uses().end(), [](const graph::Use& use) {
        return use.user != nullptr && graph::is_in_place(*use.user) && use.index == 0;
      });
    });
  }

  void call(const Node& node) {
    torch::jit::Stack stack;
    for (const Value* input : node.inputs()) stack.push_back(load(input));
    node.function()(stack);
    TORCH_CHECK(stack.size() == node.outputs().size(), "returned ", stack.size(), " values, not ",
                node.outputs().size());
    for (size_t i = 0; i < stack.size(); ++i) record(node.output(i), std::move(stack[i]));
  }

  void record(const Value* value, c10::IValue content) {
    ValueInfo& info = infos_[value];
    if (is_first_) {
      info.tensors.clear();
      append_shapes(content, &info.tensors);
    } else {
      std::vector<TensorInfo> seen;
      append_shapes(content, &seen);
      TORCH_CHECK(seen.size() == info.tensors.size(), "the number of tensors in ", value->name(),
                  " depends on the batch size");
      for (size_t i = 0; i < seen.size(); ++i) {
        TORCH_CHECK(seen[i].rank() == info.tensors[i].rank() && seen[i].dtype == info.tensors[i].dtype,
                    "the number of dimensions of ", value->name(), " depends on the batch size");
        for (int64_t d = 0; d < seen[i].rank(); ++d) info.tensors[i].dims[d].second = seen[i].dims[d].first;
      }
    }
    values_[value] = std::move(content);
  }

  const Graph& graph_;
  const Aliases& aliases_;
  std::map<const Value*, ValueInfo>& infos_;
  bool is_first_;
  Values values_;
};

// What each value depends on at most, by the operators alone.
std::map<const Value*, DependsOn> propagate(const Graph& graph, const Aliases& aliases) {
  std::map<const Value*, DependsOn> depends;
  for (const Value* input : graph.inputs()) depends[input] = DependsOn::kInputs;
  std::set<const Value*> tainted_roots;
  bool changed = true;
  while (changed) {
    changed = false;
    for (const Node* node : graph.nodes()) {
      DependsOn all = is_never_constant(*node) ? DependsOn::kInputs : DependsOn::kNothing;
      const auto reader = metadata_readers().find(node->op());
      for (size_t i = 0; i < node->inputs().size(); ++i) {
        DependsOn one = depends.emplace(node->input(i), DependsOn::kNothing).first->second;
        const bool reads_metadata =
            reader != metadata_readers().end() && (reader->second == -1 || reader->second == static_cast<int>(i));
        // A buffer that the inputs are written into is one of them from there on.
        if (tainted_roots.count(aliases.root(node->input(i))) > 0) one = DependsOn::kInputs;
        if (reads_metadata) one = std::min(one, DependsOn::kBatchSize);
        all = std::max(all, one);
      }
      if (all == DependsOn::kInputs && graph::is_in_place(*node)) {
        changed = tainted_roots.insert(aliases.root(node->input(0))).second || changed;
      }
      for (const Value* output : node->outputs()) {
        const bool tainted = tainted_roots.count(aliases.root(output)) > 0;
        depends[output] = tainted ? DependsOn::kInputs : all;
      }
    }
  }
  if (graph.output() != nullptr) depends.emplace(graph.output(), DependsOn::kNothing);
  for (auto& [value, what] : depends) {
    if (tainted_roots.count(aliases.root(value)) > 0) what = DependsOn::kInputs;
  }
  return depends;
}

// Cuts of the inputs' first axis at a fixed place, as x[:5] or x[-1], say more in a batch that is larger than the
// place. What is cut far behind any batch that one would export with is not an input's first axis.
int64_t largest_cut(const Graph& graph) {
  constexpr int64_t kLargest = 16;
  int64_t largest = 0;
  for (const Node* node : graph.nodes()) {
    if (node->op() != "aten::slice" && node->op() != "aten::narrow" && node->op() != "aten::select") continue;
    const Value* axis = node->argument("dim");
    const Value::Kind kind = node->input(0)->kind();
    const bool is_cut = axis != nullptr && axis->is_constant() && axis->constant().isInt() &&
                        axis->constant().toInt() == 0 && kind != Value::Kind::kParameter &&
                        kind != Value::Kind::kBuffer && kind != Value::Kind::kConstant;
    if (!is_cut) continue;
    for (const char* argument : {"start", "end", "length", "index"}) {
      const Value* place = node->argument(argument);
      if (place == nullptr || !place->is_constant() || !place->constant().isInt()) continue;
      const int64_t number = place->constant().toInt();
      if (number >= -kLargest && number <= kLargest) largest = std::max(largest, std::abs(number));
    }
  }
  return largest;
}

std::vector<at::Tensor> make_inputs(const std::vector<std::vector<int64_t>>& shapes,
                                    const std::vector<c10::ScalarType>& dtypes, c10::Device device, int64_t batch) {
  std::vector<at::Tensor> inputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<int64_t> shape = shapes[i];
    if (batch > 0 && !shape.empty()) shape[0] = batch;
    inputs.push_back(at::zeros(shape, at::TensorOptions(device).dtype(dtypes[i])));
  }
  return inputs;
}

absl::Status check_inputs(const Graph& graph, const std::vector<std::vector<int64_t>>& shapes) {
  if (graph.output() == nullptr) return absl::InvalidArgumentError("the graph has no output");
  if (shapes.size() != graph.inputs().size()) {
    std::vector<std::string> names;
    for (const Value* input : graph.inputs()) names.push_back(input->name());
    return absl::InvalidArgumentError(absl::StrCat("export: ", shapes.size(), " input shapes for a model of ",
                                                   graph.inputs().size(), " inputs (", absl::StrJoin(names, ", "),
                                                   "): give one for each"));
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    for (int64_t size : shapes[i]) {
      if (size <= 0) {
        return absl::InvalidArgumentError(absl::StrCat("export: the shape [", absl::StrJoin(shapes[i], ", "),
                                                       "] of input ", graph.inputs()[i]->name(),
                                                       " holds a size that is not positive"));
      }
    }
  }
  for (const auto* tensors : {&graph.parameters(), &graph.buffers()}) {
    for (const Value* value : *tensors) {
      const bool is_used = value->tensor().defined() && !value->uses().empty();
      const c10::ScalarType dtype = is_used ? value->tensor().scalar_type() : c10::ScalarType::Float;
      if (dtype != c10::ScalarType::Half && dtype != c10::ScalarType::BFloat16) continue;
      return absl::UnimplementedError(absl::StrCat("export: ", value->name(), " is ", c10::toString(dtype),
                                                   ", and models of 16 bits are not exported: convert it first, with "
                                                   "model.to(std::nullopt, c10::kFloat)"));
    }
  }
  for (const Node* node : graph.nodes()) {
    if (node->is_transform()) {
      return absl::UnimplementedError(absl::StrCat("export: ", node->name(), " is a transform of type ",
                                                   std::string(node->transform()->type()),
                                                   ", which no file format has: its method's prepare_for_export() "
                                                   "has to turn it into operators first"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<const Node*> nodes_that_read_inputs(const Graph& graph) {
  const std::map<const Value*, DependsOn> depends = propagate(graph, Aliases(graph));
  std::vector<const Node*> nodes;
  for (const Node* node : graph.nodes()) {
    const bool reads = std::any_of(node->outputs().begin(), node->outputs().end(),
                                   [&](const Value* output) { return depends.at(output) == DependsOn::kInputs; });
    if (reads) nodes.push_back(node);
  }
  return nodes;
}

absl::StatusOr<GraphTrace> GraphTrace::run(Graph& graph, const std::vector<std::vector<int64_t>>& input_shapes,
                                           const std::vector<c10::ScalarType>& input_dtypes) {
  PARE_RETURN_IF_ERROR(check_inputs(graph, input_shapes));
  GraphTrace trace;
  const Aliases aliases(graph);
  const std::map<const Value*, DependsOn> depends = propagate(graph, aliases);
  std::set<const Value*> keep;
  for (const auto& [value, what] : depends) {
    if (what != DependsOn::kInputs) keep.insert(value);
  }
  trace.input_dtypes_ = input_dtypes.empty() ? guess_input_dtypes(graph) : input_dtypes;
  if (trace.input_dtypes_.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("export: ", input_dtypes.size(), " input dtypes for a model of ",
                                                   graph.inputs().size(), " inputs: give one for each, or none"));
  }
  const c10::Device device = device_of(graph);

  int64_t given = 1;
  for (const auto& shape : input_shapes) {
    if (!shape.empty()) given = std::max(given, shape[0]);
  }
  Values first, second;
  const auto execute = [&](int64_t batch, bool is_first, Values* values) -> absl::Status {
    Run run(graph, aliases, &trace.infos_, is_first);
    absl::StatusOr<std::vector<at::Tensor>> inputs =
        guard_torch("inputs", [&] { return make_inputs(input_shapes, trace.input_dtypes_, device, batch); });
    if (!inputs.ok()) return inputs.status();
    PARE_RETURN_IF_ERROR(run.execute(*inputs, keep));
    *values = std::move(run.values());
    return absl::OkStatus();
  };
  // A batch of one hides sizes that depend on the batch behind broadcasting.
  const int64_t batch = std::max({given, int64_t{2}, largest_cut(graph) + 1});
  trace.batch_ = {batch, batch + 1};
  absl::Status dynamic = execute(trace.batch_.first, true, &first);
  if (dynamic.ok()) dynamic = execute(trace.batch_.second, false, &second);
  if (!dynamic.ok()) {
    trace.infos_.clear();
    trace.batch_ = {given, given};
    PARE_RETURN_IF_ERROR(execute(0, true, &first));
    second = first;
    log_warning(absl::StrCat("export: the model runs with a batch of ", given,
                             " only, which the file will be fixed to (", std::string(dynamic.message()), ")"));
  }
  for (auto& [value, info] : trace.infos_) {
    const auto found = depends.find(value);
    info.depends_on = found == depends.end() ? DependsOn::kNothing : found->second;
    if (info.depends_on == DependsOn::kInputs) continue;
    info.first = first.at(value);
    info.second = second.at(value);
    if (is_same(info.first, info.second)) {
      info.depends_on = DependsOn::kNothing;
    } else if (info.depends_on == DependsOn::kNothing && trace.has_dynamic_batch()) {
      info.depends_on = DependsOn::kBatchSize;
    }
  }
  return trace;
}

}  // namespace pare::exporters
