#include "graph/exporters.h"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "graph/clone.h"

namespace pare::graph {

namespace {

constinit std::mutex mutex;

// Made on first use, so that registrations of other files' static initializers find it; never destroyed.
std::map<std::string, Exporter>& exporters() {
  static auto* exporters = new std::map<std::string, Exporter>();
  return *exporters;
}

bool is_elsewhere(const c10::IValue& constant) {
  return (constant.isTensor() && constant.toTensor().defined() && !constant.toTensor().device().is_cpu()) ||
         (constant.isDevice() && !constant.toDevice().is_cpu());
}

// Whether each tensor of the model is on the CPU, and each device in it is.
bool is_on_cpu(const Graph& graph) {
  for (const auto* values : {&graph.parameters(), &graph.buffers()}) {
    for (const Value* value : *values) {
      if (value->tensor().defined() && !value->tensor().device().is_cpu()) return false;
    }
  }
  for (const Node* node : graph.nodes()) {
    for (const Value* input : node->inputs()) {
      if (input->is_constant() && is_elsewhere(input->constant())) return false;
    }
  }
  return true;
}

}  // namespace

bool register_exporter(const std::string& ending, Exporter exporter) {
  const std::lock_guard<std::mutex> lock(mutex);
  return exporters().emplace(absl::AsciiStrToLower(ending), std::move(exporter)).second;
}

std::vector<std::string> registered_exporters() {
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<std::string> endings;
  for (const auto& [ending, exporter] : exporters()) endings.push_back(ending);
  return endings;
}

absl::StatusOr<Exporter> find_exporter(const std::string& path) {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const std::string lower = absl::AsciiStrToLower(path);
    const std::pair<const std::string, Exporter>* best = nullptr;
    for (const auto& candidate : exporters()) {
      const bool longer = best == nullptr || candidate.first.size() > best->first.size();
      if (longer && absl::EndsWith(lower, candidate.first)) best = &candidate;
    }
    if (best != nullptr) return best->second;
  }
  const std::vector<std::string> known = registered_exporters();
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": the ending of the file's name says in which format a model is written; expected ",
      known.empty() ? "one of an exporter, but none is linked into this program" : absl::StrJoin(known, " or ")));
}

absl::Status write_model(Model& model, const std::vector<std::vector<int64_t>>& input_shapes, const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const Exporter exporter, find_exporter(path));
  model.eval();
  std::unique_ptr<Model> copy;
  if (!is_on_cpu(model.graph())) {
    PARE_ASSIGN_OR_RETURN(auto graph, clone_graph(model.graph()));
    copy = std::make_unique<Model>(std::move(graph));
    PARE_RETURN_IF_ERROR(copy->to(c10::Device(c10::kCPU)));
    copy->set_input_dtypes(model.input_dtypes());
  }
  try {
    return exporter(copy != nullptr ? *copy : model, input_shapes, path);
  } catch (...) {
    return status_of_exception(path, std::current_exception());
  }
}

}  // namespace pare::graph
