// export/onnx/onnx_builder.h: an ONNX graph while it is being made.
//
//   OnnxBuilder builder;
//   builder.add_input("x", c10::ScalarType::Float, {{2, 3}, {3, 3}});
//   std::string y = builder.add_node("Relu", {"x"});
//   builder.add_output("y", y, ...);
//   std::string bytes = *serialize(builder);                         // onnx_proto.h
//
// Names of values are short and made here. Nodes that compute the same from the same are one, as are equal
// initializers; what no output needs is left out of the file (finish()). The order of calls decides the file's bytes,
// nothing else does.

#ifndef PARE_EXPORT_ONNX_ONNX_BUILDER_H_
#define PARE_EXPORT_ONNX_ONNX_BUILDER_H_

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "export/onnx/graph_trace.h"

namespace pare::exporters {

using Attribute = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<std::string>>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

struct OnnxNode {
  std::string op, name;
  std::vector<std::string> inputs;  // "" for an optional input that is left out
  std::vector<std::string> outputs;
  Attributes attributes;
};

struct OnnxValue {
  std::string name;
  TensorInfo info;
};

class OnnxBuilder {
 public:
  // Names of inputs and outputs are kept but for characters that ONNX's users stumble over.
  std::string add_input(const std::string& name, const TensorInfo& info);
  // `value` gets the name `name` in the file.
  void add_output(const std::string& name, const std::string& value, const TensorInfo& info);

  // The name of the first output, or of `num_outputs`.
  std::string add_node(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
  std::vector<std::string> add_node_with_outputs(const std::string& op, std::vector<std::string> inputs,
                                                 size_t num_outputs, Attributes attributes = {});

  // The tensor is taken as it is at this moment (a copy is made only where the file needs another layout). `name` is a
  // wish.
  std::string add_initializer(const at::Tensor& tensor, const std::string& name = "");
  std::string add_ints(const std::vector<int64_t>& values);  // int64, one dimension
  std::string add_scalar(double value, c10::ScalarType dtype);

  // nullptr if the name is not that of an initializer, or not that of a node's output.
  const at::Tensor* find_initializer(const std::string& name) const;
  const OnnxNode* find_producer(const std::string& name) const;

  // How the last node added is called in the file ("name", or "name_1", ... if that is taken), for those who look at
  // it.
  void name_last_node(const std::string& name);
  size_t num_nodes() const { return nodes_.size(); }

  // Removes what no output needs. Call once, at the end.
  void finish();

  const std::vector<OnnxNode>& nodes() const { return nodes_; }
  const std::vector<OnnxValue>& inputs() const { return inputs_; }
  const std::vector<OnnxValue>& outputs() const { return outputs_; }
  // In the order in which nodes first use them.
  std::vector<std::pair<std::string, at::Tensor>> initializers() const;

 private:
  static std::string make_unique(const std::string& wish, std::map<std::string, int>* taken);
  std::string unique_name(const std::string& wish) { return make_unique(wish, &names_); }

  std::vector<OnnxNode> nodes_;
  std::vector<OnnxValue> inputs_, outputs_;
  std::map<std::string, at::Tensor> initializers_;
  std::multimap<size_t, std::string> initializer_hashes_;
  std::map<std::string, size_t> producers_;                      // value -> index of its node
  std::map<std::string, std::vector<std::string>> known_nodes_;  // what a node is -> its outputs
  std::map<std::string, int> names_, node_names_;
  int num_values_ = 0;
};

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_ONNX_BUILDER_H_
