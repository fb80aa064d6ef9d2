// compression/scopes.h: which operators a config's scopes name.
//
// A scope is an exact name or, after "{re}", a regular expression (ECMAScript) that must be found in the name. A name
// is any of
//   - the node's: "layer1.0.conv1/aten::conv2d"
//   - its module path: "layer1.0.conv1"; an exact module path, in this or in NNCF's spelling, also names everything
//   below it
//   - NNCF's for the same operator: "ResNet/Sequential[layer1]/BasicBlock[0]/NNCFConv2d[conv1]/conv2d_0", so that its
//   users'
//     configs work; module classes that NNCF wraps are named with and without its prefix "NNCF", and operators by all
//     the names that its versions have for them (relu_0, RELU_0 and, in place, relu__0; __add___0, __iadd___0 and
//     add_0). The number at the
//     end counts the calls of the operator within the module. Known only where the model's import knows the classes.
// An input of the graph is named by its own name and by NNCF's, "/nncf_model_input_0".

#ifndef PARE_COMPRESSION_SCOPES_H_
#define PARE_COMPRESSION_SCOPES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare {

// The names by which `node` can be meant.
std::vector<std::string> scope_names(const graph::Node& node);

// The names by which input number `index` of a graph, called `name`, can be meant.
std::vector<std::string> input_scope_names(const std::string& name, size_t index);

class ScopeSet {
 public:
  // `path`: where the scopes stand in the config, for messages. InvalidArgument for a regular expression that does not
  // compile, or a scope that is empty or longer than 4096 characters.
  static absl::StatusOr<ScopeSet> create(const std::vector<std::string>& scopes, const std::string& path);
  // Further scopes, that stand elsewhere. With an error nothing is added.
  absl::Status add(const std::vector<std::string>& scopes, const std::string& path);
  bool empty() const { return scopes_.empty(); }
  const std::string& path() const;  // of the first scope; "" if there is none
  bool matches(const graph::Node& node) const;
  bool matches(const std::string& name) const;  // one name, as it is
  bool matches_input(const std::string& name, size_t index) const;
  // InvalidArgument that names the first scope that matches no node or input of the graph and none of `other_names`,
  // and the nearest names that exist.
  absl::Status check_all_match(const graph::Graph& graph, const std::vector<std::string>& other_names = {}) const;

 private:
  struct Scope;
  std::vector<std::shared_ptr<const Scope>> scopes_;
};

// Whether a method is to touch `node`: inside target (or target is empty) and outside ignored.
bool is_in_scope(const graph::Node& node, const ScopeSet& target, const ScopeSet& ignored);

}  // namespace pare

#endif  // PARE_COMPRESSION_SCOPES_H_
