// graph/import_finish.h: the last step of every import: from nodes as they were found to a model.
//
// In this order: one spelling for every operator, in-place operators in functional form, the weights of a frozen model
// made parameters again, linear layers joined, the traced batch size undone (`is_trace`), dead nodes and unused
// parameters and buffers removed, the graph validated.

#ifndef PARE_GRAPH_IMPORT_FINISH_H_
#define PARE_GRAPH_IMPORT_FINISH_H_

#include <memory>

#include "absl/status/statusor.h"
#include "graph/batch_size.h"
#include "graph/graph.h"
#include "graph/model.h"

namespace pare::graph {

struct ImportFinish {
  bool is_trace = false;
  InputShapes inputs;  // empty: not known
};

absl::StatusOr<std::shared_ptr<Model>> finish_import(std::unique_ptr<Graph> graph, const ImportFinish& finish);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_FINISH_H_
