// tools/cli/transform_table.h: what compression has put into a graph, as a table.

#ifndef PARE_TOOLS_CLI_TRANSFORM_TABLE_H_
#define PARE_TOOLS_CLI_TRANSFORM_TABLE_H_

#include "graph/graph.h"
#include "statistics/statistics.h"

namespace pare::tools {

// Adds the table "transforms": a row a transform: what it stands on, what it does, and which operators it serves.
void add_transform_table(const graph::Graph& graph, Statistics& statistics);

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_TRANSFORM_TABLE_H_
