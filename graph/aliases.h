// graph/aliases.h: which values of a graph may share their memory.
//
//   AliasSets aliases(graph);
//   aliases.of(view->output())   // the view, what it views, and its other views
//
// From the schemas ("Tensor(a) self" gives "Tensor(a)"), and from a list of operators whose schema does not say that
// they can return their input (dropout in evaluation mode). A list or tuple shares with each of its elements; the
// elements do not share with each other, unless they are taken out again. An over-estimate: values in one set may be
// distinct, values in two are.

#ifndef PARE_GRAPH_ALIASES_H_
#define PARE_GRAPH_ALIASES_H_

#include <map>
#include <vector>

#include "graph/graph.h"

namespace pare::graph {

class AliasSets {
 public:
  explicit AliasSets(const Graph& graph);

  // All values that may share memory with `value`, itself included.
  std::vector<Value*> of(Value* value);

 private:
  Value* root_of(Value* value);
  void join(Value* a, Value* b);

  std::map<Value*, Value*> parents_;               // a forest: each set is a tree
  std::map<Value*, std::vector<Value*>> members_;  // of the roots
  std::map<Value*, std::vector<Value*>> holders_;  // value -> the lists and tuples that only pass it on
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_ALIASES_H_
