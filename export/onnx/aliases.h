// export/onnx/aliases.h: which values of a graph may share memory, for operators that write into one of them.
//
//   Aliases aliases(graph);
//   PARE_RETURN_IF_ERROR(aliases.check_in_place(*add_));  // may `add_` be read as `add` whose result replaces self?

#ifndef PARE_EXPORT_ONNX_ALIASES_H_
#define PARE_EXPORT_ONNX_ALIASES_H_

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::exporters {

class Aliases {
 public:
  explicit Aliases(const graph::Graph& graph);

  // The first value of those that share its memory, by the operators' schemas.
  const graph::Value* root(const graph::Value* value) const;
  // All that share memory with it, itself included, in the order in which they are computed.
  const std::vector<const graph::Value*>& group(const graph::Value* value) const;

  // OK if no other value of the group is read after `node` (an in-place operator): then its result may stand for its
  // first input from there on. Else Unimplemented, naming both.
  absl::Status check_in_place(const graph::Node& node) const;

 private:
  std::map<const graph::Value*, const graph::Value*> roots_;
  std::map<const graph::Value*, std::vector<const graph::Value*>> groups_;
};

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_ALIASES_H_
