// graph/import_attributes.h: the attributes of a TorchScript module: parameters, buffers, settings, submodules.
//
//   PARE_ASSIGN_OR_RETURN(ImportAttributes attributes, ImportAttributes::create(graph, module, /*copy=*/true));
//   attributes.get(conv_object, "weight");   // the graph's parameter "layer1.0.conv1.weight"
//
// Every parameter and buffer of the module becomes one of the graph, in the order of a state dict: a module's own
// before those of its submodules. A tensor that two parameters share (tied weights) is one parameter, under its first
// name. A tensor that is neither, but an attribute, counts as a buffer; one in a list is a constant, if it is not one
// of them. `training` is false everywhere.

#ifndef PARE_GRAPH_IMPORT_ATTRIBUTES_H_
#define PARE_GRAPH_IMPORT_ATTRIBUTES_H_

#include <ATen/core/ivalue.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/import_value.h"

namespace torch::jit {
struct Module;
}

namespace pare::graph {

class ImportAttributes {
 public:
  // No module at all: create_object's objects only.
  explicit ImportAttributes(Graph& graph) : graph_(&graph) {}

  // `copy`: the graph gets tensors of its own, on the CPU.
  static absl::StatusOr<ImportAttributes> create(Graph& graph, const torch::jit::Module& module, bool copy);

  // InvalidArgument if the object has no such attribute.
  absl::StatusOr<ImportValue> get(const c10::ivalue::Object* object, const std::string& name);

  // Unimplemented if the object is a module and the attribute has been read before: what a model carries over from one
  // call to the next has no place in a graph.
  absl::Status set(const c10::ivalue::Object* object, const std::string& name, ImportValue value);

  // Unimplemented if a list or dict that the module keeps has been changed: for the same reason.
  absl::Status check_lists() const;

  // Where the nodes of a module's methods belong; `otherwise` for objects that are no modules.
  NodePlace place_of(const c10::ivalue::Object* object, const NodePlace& otherwise) const;

 private:
  using Key = std::pair<const c10::ivalue::Object*, std::string>;

  absl::Status add_module(const c10::ivalue::Object* object, const NodePlace& place, bool copy);
  void find_tensors(ImportValue& value) const;
  Value* find_tensor(const at::Tensor& tensor) const;
  absl::Status add_tensor(const Key& key, const std::string& name, const at::Tensor& tensor, bool is_parameter,
                          bool copy);

  Graph* graph_;
  std::map<const c10::ivalue::Object*, NodePlace> places_;
  std::map<Key, ImportValue> values_;
  std::set<Key> read_;
  std::map<Key, std::pair<ImportValue, ImportValue>> lists_;  // what was handed out, and a copy from before
  std::vector<std::pair<at::Tensor, Value*>> tensors_;        // the module's own, and what stands for it
  std::map<const void*, std::vector<size_t>> by_storage_;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_ATTRIBUTES_H_
