#include "graph/import_finish.h"

#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "graph/batch_size.h"
#include "graph/functionalize.h"
#include "graph/simplify.h"
#include "graph/unfreeze.h"
#include "graph/validate.h"

namespace pare::graph {

namespace {

absl::Status finish_model(Model& model, const ImportFinish& finish) {
  Graph& graph = model.graph();
  graph.remove_dead_nodes();
  if (finish.is_trace) PARE_RETURN_IF_ERROR(free_batch_size(model, finish.inputs));
  graph.remove_dead_nodes();
  std::vector<Value*> tensors = graph.parameters();
  tensors.insert(tensors.end(), graph.buffers().begin(), graph.buffers().end());
  for (Value* tensor : tensors) {
    if (tensor->uses().empty()) PARE_RETURN_IF_ERROR(graph.remove_parameter(tensor));
  }
  return validate(graph);
}

}  // namespace

absl::StatusOr<std::shared_ptr<Model>> finish_import(std::unique_ptr<Graph> graph, const ImportFinish& finish) {
  graph->remove_dead_nodes();
  PARE_RETURN_IF_ERROR(simplify(*graph));
  PARE_RETURN_IF_ERROR(functionalize(*graph));
  PARE_RETURN_IF_ERROR(unfreeze(*graph));
  PARE_RETURN_IF_ERROR(join_linear(*graph));
  auto model = std::make_shared<Model>(std::move(graph));
  PARE_RETURN_IF_ERROR(finish_model(*model, finish));
  return model;
}

}  // namespace pare::graph
