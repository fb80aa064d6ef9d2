#include "export/onnx/graph_to_onnx.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "export/onnx/op_export.h"
#include "export/onnx/op_registry.h"

namespace pare::exporters {
namespace {

using graph::Node;
using graph::Value;

std::string describe(const Node& node) {
  return absl::StrCat(node.name(), " (", node.op(), node.overload().empty() ? "" : ".", node.overload(),
                      node.source().empty() ? "" : absl::StrCat(", ", node.source()), ")");
}

// "aten::relu_" -> "aten::relu".
std::string functional_name(const Node& node) {
  const bool strips = graph::is_in_place(node) && absl::EndsWith(node.op(), "_") && !absl::EndsWith(node.op(), "__");
  return strips ? node.op().substr(0, node.op().size() - 1) : node.op();
}

// Whether a tensor is the same number along every axis whose size depends on the batch size.
bool is_uniform_over_batch(const at::Tensor& tensor, const std::vector<Dim>& dims) {
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].is_fixed()) continue;
    if (!tensor.equal(tensor.narrow(static_cast<int64_t>(i), 0, 1).expand_as(tensor))) return false;
  }
  return true;
}

absl::Status no_exporter(const Node& node) {
  return absl::UnimplementedError(absl::StrCat(
      "export to ONNX: no exporter for the operator ", node.op(), " of ", describe(node),
      "; replace the operator in the model, or register one with pare::exporters::register_op_exporter()"));
}

bool is_arange(const at::Tensor& tensor) {
  if (tensor.dim() != 1 || tensor.scalar_type() != c10::ScalarType::Long) return false;
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if (tensor[i].item<int64_t>() != i) return false;
  }
  return true;
}

}  // namespace

GraphToOnnx::GraphToOnnx(const graph::Graph& graph, const GraphTrace& trace, OnnxBuilder* builder)
    : graph_(graph), trace_(trace), builder_(*builder), aliases_(graph) {}

absl::Status GraphToOnnx::run() {
  for (const Value* input : graph_.inputs()) {
    const TensorInfo& info = trace_.info(input).tensors.at(0);
    names_[input] = builder_.add_input(input->name(), info);
    if (batch_source_.empty() && info.rank() > 0 && info.dims[0] == trace_.batch()) batch_source_ = names_[input];
  }
  for (const Node* node : graph_.nodes()) {
    absl::Status status = export_node(*node);
    if (status.ok()) continue;
    // Only an error if something of the output needs it.
    for (const Value* output : node->outputs()) failures_.emplace(output, status);
    if (!graph::is_in_place(*node)) continue;
    // All that shares the memory is not what it was.
    for (const Value* value : aliases_.group(node->input(0))) {
      names_.erase(value);
      lists_.erase(value);
      failures_.emplace(value, status);
    }
  }
  std::vector<std::pair<std::string, std::string>> outputs;
  std::vector<TensorInfo> infos;
  try {
    collect_outputs(graph_.output(), "output", &outputs, &infos);
  } catch (const ExportError& error) {
    return error.status();
  }
  if (outputs.empty()) return absl::InvalidArgumentError("export: the model's output holds no tensor");
  for (size_t i = 0; i < outputs.size(); ++i) builder_.add_output(outputs[i].first, outputs[i].second, infos[i]);
  builder_.finish();
  return absl::OkStatus();
}

absl::Status GraphToOnnx::export_node(const Node& node) {
  const bool depends_on_inputs = std::any_of(node.outputs().begin(), node.outputs().end(), [&](const Value* output) {
    return trace_.info(output).depends_on == DependsOn::kInputs;
  });
  // The others are written when something asks for their value.
  if (!depends_on_inputs) return check_constant_write(node);
  if (node.schema() == nullptr) {
    try {
      export_structure(node);
      return absl::OkStatus();
    } catch (const ExportError& error) {
      return error.status();
    }
  }
  return export_operator(node);
}

absl::Status GraphToOnnx::check_constant_write(const Node& node) const {
  if (!graph::is_in_place(node)) return absl::OkStatus();
  for (const Value* value : aliases_.group(node.input(0))) {
    for (const graph::Use& use : value->uses()) {
      if (use.user == nullptr || !graph_.is_before(use.user, &node) || use.user->outputs().empty()) continue;
      if (trace_.info(use.user->output()).depends_on != DependsOn::kInputs) continue;
      return absl::UnimplementedError(absl::StrCat(describe(node), " writes into a constant that ", use.user->name(),
                                                   " has read before; this cannot be exported"));
    }
  }
  return absl::OkStatus();
}

absl::Status GraphToOnnx::export_operator(const Node& node) {
  const std::optional<OpExporter> exporter = find_op_exporter(functional_name(node));
  if (!exporter.has_value()) return no_exporter(node);
  if (graph::is_in_place(node)) {
    const absl::Status in_place = aliases_.check_in_place(node);
    if (!in_place.ok()) {
      return absl::Status(in_place.code(), absl::StrCat("export to ONNX: ", std::string(in_place.message())));
    }
  }
  const size_t before = builder_.num_nodes();
  absl::Status status;
  const absl::Status guarded = guard_torch(absl::StrCat("export to ONNX: ", describe(node)), [&] {
    OpExport op(*this, node);
    try {
      (*exporter)(op);
    } catch (const ExportError& error) {
      status = error.status();
    }
  });
  PARE_RETURN_IF_ERROR(guarded);
  if (!status.ok()) {
    // The failure of an input has its own node's name already.
    if (absl::StartsWith(status.message(), "export to ONNX: ")) return status;
    return absl::Status(status.code(),
                        absl::StrCat("export to ONNX: ", describe(node), ": ", std::string(status.message())));
  }
  for (const Value* output : node.outputs()) {
    if (output->uses().empty() || names_.count(output) > 0 || lists_.count(output) > 0) continue;
    if (trace_.info(output).depends_on != DependsOn::kInputs) continue;
    failures_.emplace(output, absl::UnimplementedError(absl::StrCat("export to ONNX: the output ", output->name(),
                                                                    " of ", describe(node), " is not written")));
  }
  if (builder_.num_nodes() > before) builder_.name_last_node(node.scope().empty() ? node.name() : node.scope());
  if (graph::is_in_place(node) && names_.count(node.output()) > 0) names_[node.input(0)] = names_.at(node.output());
  return absl::OkStatus();
}

void GraphToOnnx::export_structure(const Node& node) {
  if (node.op() == "prim::ListConstruct" || node.op() == "prim::TupleConstruct") {
    std::vector<std::string> names;
    for (const Value* input : node.inputs()) {
      const ValueInfo& info = trace_.info(input);
      const bool is_none = info.depends_on != DependsOn::kInputs && info.first.isNone();
      if (is_none) {
        names.push_back("");
      } else if (info.tensors.size() == 1 && (info.depends_on == DependsOn::kInputs || info.first.isTensor())) {
        names.push_back(name_of(input));
      } else {
        return;  // no list of tensors: what needs it takes its inputs one by one, or fails
      }
    }
    lists_[node.output()] = std::move(names);
    return;
  }
  if (node.op() == "prim::ListUnpack" || node.op() == "prim::TupleUnpack") {
    const std::vector<std::string> names = names_of_list(node.input(0));
    for (size_t i = 0; i < node.outputs().size() && i < names.size(); ++i) names_[node.output(i)] = names[i];
  }
}

std::string GraphToOnnx::name_of(const Value* value) {
  if (const auto found = names_.find(value); found != names_.end()) return found->second;
  if (const auto found = failures_.find(value); found != failures_.end()) throw ExportError(found->second);
  const ValueInfo& info = trace_.info(value);
  if (info.depends_on == DependsOn::kNothing) {
    const c10::IValue& constant = info.first;
    if (constant.isTensor()) {
      if (!constant.toTensor().defined()) return "";
      const bool has_name = value->is_parameter() || value->is_buffer();
      return names_[value] = builder_.add_initializer(constant.toTensor(), has_name ? value->name() : "");
    }
  } else if (info.depends_on == DependsOn::kBatchSize && info.first.isTensor()) {
    return names_[value] = compute_from_batch_size(value, info);
  }
  if (info.depends_on == DependsOn::kInputs && (value->is_parameter() || value->is_buffer())) {
    // The inputs are written into it, later: up to there it is what it is.
    return builder_.add_initializer(value->tensor().clone(), value->name());
  }
  throw ExportError(absl::UnimplementedError(
      absl::StrCat(value->name(), " is no tensor",
                   info.depends_on == DependsOn::kInputs ? ", and depends on the model's input" : "")));
}

std::vector<std::string> GraphToOnnx::names_of_list(const Value* value) {
  if (const auto found = lists_.find(value); found != lists_.end()) return found->second;
  if (const auto found = failures_.find(value); found != failures_.end()) throw ExportError(found->second);
  const ValueInfo& info = trace_.info(value);
  std::vector<std::string> names;
  if (info.depends_on == DependsOn::kNothing && info.first.isList()) {
    for (const c10::IValue& element : info.first.toListRef()) {
      const bool is_missing = element.isNone() || (element.isTensor() && !element.toTensor().defined());
      if (!is_missing && !element.isTensor()) {
        throw ExportError(absl::UnimplementedError(absl::StrCat(value->name(), " is not a list of tensors")));
      }
      names.push_back(is_missing ? "" : builder_.add_initializer(element.toTensor()));
    }
    return names;
  }
  const Node* producer = value->producer();
  if (info.depends_on == DependsOn::kBatchSize && producer != nullptr && producer->op() == "prim::ListConstruct") {
    for (const Value* input : producer->inputs()) names.push_back(name_of(input));
    return names;
  }
  throw ExportError(absl::UnimplementedError(absl::StrCat(value->name(), " is not a list of tensors")));
}

std::string GraphToOnnx::name_of_dim(Dim dim) {
  if (dim.is_fixed()) return builder_.add_ints({dim.first});
  const Dim batch = trace_.batch();
  const int64_t factor = dim.first / batch.first;
  if (batch_source_.empty() || dim.first != factor * batch.first || dim.second != factor * batch.second) {
    throw ExportError(absl::UnimplementedError(absl::StrCat("a size is ", dim.first, " for a batch of ", batch.first,
                                                            " and ", dim.second, " for a batch of ", batch.second,
                                                            ", no multiple of the batch size")));
  }
  const std::string shape = builder_.add_node("Shape", {batch_source_}, {{"start", int64_t{0}}, {"end", int64_t{1}}});
  return factor == 1 ? shape : builder_.add_node("Mul", {shape, builder_.add_ints({factor})});
}

std::string GraphToOnnx::compute_from_batch_size(const Value* value, const ValueInfo& info) {
  const at::Tensor first = info.first.toTensor(), second = info.second.toTensor();
  const std::vector<Dim>& dims = info.tensors.at(0).dims;
  at::Tensor one = first, other = second;
  std::vector<std::string> sizes;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].is_fixed()) {
      sizes.push_back(builder_.add_ints({dims[i].first}));
      continue;
    }
    one = one.narrow(static_cast<int64_t>(i), 0, 1);
    other = other.narrow(static_cast<int64_t>(i), 0, 1);
    sizes.push_back(name_of_dim(dims[i]));
  }
  const bool is_expanded =
      one.equal(other) && is_uniform_over_batch(first, dims) && is_uniform_over_batch(second, dims);
  if (is_expanded && !sizes.empty()) {
    const std::string shape = sizes.size() == 1 ? sizes[0] : builder_.add_node("Concat", sizes, {{"axis", int64_t{0}}});
    return builder_.add_node("Expand", {builder_.add_initializer(one), shape});
  }
  if (dims.empty() && first.scalar_type() == c10::ScalarType::Long) {
    return builder_.add_node("Squeeze", {name_of_dim({first.item<int64_t>(), second.item<int64_t>()})});
  }
  if (is_arange(first) && is_arange(second)) {
    const auto scalar = [&](double number) { return builder_.add_scalar(number, c10::ScalarType::Long); };
    const std::string end = builder_.add_node("Squeeze", {name_of_dim(dims[0])});
    return builder_.add_node("Range", {scalar(0), end, scalar(1)});
  }
  if (value->producer() == nullptr || value->producer()->schema() == nullptr) {
    throw ExportError(absl::UnimplementedError(absl::StrCat(value->name(), " depends on the batch size")));
  }
  const absl::Status status = export_operator(*value->producer());
  if (!status.ok()) throw ExportError(status);
  return names_.at(value);
}

void GraphToOnnx::collect_outputs(const Value* value, const std::string& name,
                                  std::vector<std::pair<std::string, std::string>>* outputs,
                                  std::vector<TensorInfo>* infos) {
  const ValueInfo& info = trace_.info(value);
  const Node* producer = value->producer();
  const bool is_node = producer != nullptr;
  if (is_node && (producer->op() == "prim::TupleConstruct" || producer->op() == "prim::ListConstruct")) {
    for (size_t i = 0; i < producer->inputs().size(); ++i) {
      collect_outputs(producer->input(i), absl::StrCat(name, "_", i), outputs, infos);
    }
    return;
  }
  if (is_node && producer->op() == "prim::DictConstruct") {
    for (size_t i = 0; i + 1 < producer->inputs().size(); i += 2) {
      const ValueInfo& key = trace_.info(producer->input(i));
      const bool is_text = key.depends_on != DependsOn::kInputs && key.first.isString();
      collect_outputs(producer->input(i + 1), is_text ? key.first.toStringRef() : absl::StrCat(name, "_", i / 2),
                      outputs, infos);
    }
    return;
  }
  if (info.depends_on != DependsOn::kInputs && info.first.isNone()) return;
  const bool is_list = lists_.count(value) > 0 || (info.depends_on != DependsOn::kInputs && info.first.isList());
  if (is_list) {
    const std::vector<std::string> names = names_of_list(value);
    // The Nones among them have a name that is empty, and no shape.
    size_t next = 0;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i].empty()) continue;
      if (next >= info.tensors.size()) {
        throw ExportError(absl::UnimplementedError(absl::StrCat(value->name(), ", an output, is no list of tensors")));
      }
      outputs->emplace_back(absl::StrCat(name, "_", i), names[i]);
      infos->push_back(info.tensors[next++]);
    }
    return;
  }
  const std::string own = name_of(value);
  if (info.tensors.size() != 1) {
    throw ExportError(absl::UnimplementedError(absl::StrCat(value->name(), ", an output of the model, is no tensor")));
  }
  outputs->emplace_back(name, own);
  infos->push_back(info.tensors[0]);
}

absl::Status check_operators(const graph::Graph& graph) {
  const Aliases aliases(graph);
  std::set<const Value*> needed;
  if (graph.output() != nullptr) needed.insert(graph.output());
  const std::vector<const Node*> reading = nodes_that_read_inputs(graph);
  const std::set<const Node*> reads(reading.begin(), reading.end());
  const std::vector<Node*> nodes = graph.nodes();
  const Node* missing = nullptr;
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    bool is_needed = std::any_of((*node)->outputs().begin(), (*node)->outputs().end(),
                                 [&](const Value* output) { return needed.count(output) > 0; });
    if (graph::is_in_place(**node)) {
      const auto& group = aliases.group((*node)->input(0));
      is_needed = is_needed ||
                  std::any_of(group.begin(), group.end(), [&](const Value* value) { return needed.count(value) > 0; });
    }
    if (!is_needed) continue;
    for (const Value* input : (*node)->inputs()) needed.insert(input);
    const bool has_form = (*node)->schema() == nullptr || find_op_exporter(functional_name(**node)).has_value();
    if (!has_form && reads.count(*node) > 0) missing = *node;  // the first one, in the end
  }
  return missing == nullptr ? absl::OkStatus() : no_exporter(*missing);
}

}  // namespace pare::exporters
