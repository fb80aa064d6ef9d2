#include "tools/cli/transform_table.h"

#include <set>
#include <string>

#include "absl/strings/str_join.h"

namespace pare::tools {

void add_transform_table(const graph::Graph& graph, Statistics& statistics) {
  Table& table = statistics.table("transforms", {"on", "does", "serves"});
  for (const graph::Node* node : graph.nodes()) {
    if (!node->is_transform()) continue;
    std::set<std::string> users;
    for (const graph::Use& use : node->output()->uses()) {
      users.insert(use.user == nullptr ? "the output" : use.user->name());
    }
    table.add_row({node->input(0)->name(), node->transform()->describe(), absl::StrJoin(users, ", ")});
  }
}

}  // namespace pare::tools
