// compression/quantization/fused_inputs.h: inputs of operators that get no quantizer, because what computes them and
// what reads them run as one operation.
//
//   FusedInputs fused(graph, flow);
//   if (fused.contains(node, 0)) ...  // node continues what its input began
//
// What is fused
//   - convolution, linear or matmul, arithmetic, or a normalization, with what follows it and is as good as part of it:
//     batch norm, arithmetic with constants (a bias, a scale), activations. Reshapes may stand between.
//   - functions that come in pieces, all computed from one value: swish and hard swish (x * sigmoid(x)), hard sigmoid,
//     GELU, norms written out (layer norm, RMS norm, L2 normalization), softmax written out, gated and rotary halves.
//   - the gate of squeeze-and-excite: x * sigmoid(f(pool(x))).
//   - softmax, with the arithmetic that makes its scores (scale, mask, position bias), and the matmul that it weighs
//     values in.

#ifndef PARE_COMPRESSION_QUANTIZATION_FUSED_INPUTS_H_
#define PARE_COMPRESSION_QUANTIZATION_FUSED_INPUTS_H_

#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "compression/analysis/data_flow.h"
#include "graph/graph.h"

namespace pare::quantization {

class FusedInputs {
 public:
  // Linear in the size of the graph.
  FusedInputs(const graph::Graph& graph, const DataFlow& flow);

  bool contains(const graph::Node* node, size_t input) const { return fused_.count({node, input}) > 0; }
  size_t size() const { return fused_.size(); }

 private:
  void fuse(const graph::Node* node, size_t input) { fused_.emplace(node, input); }
  void fuse_followers(const graph::Node* node);
  void fuse_hard_sigmoid(const graph::Node* node);
  void fuse_gate(const graph::Node* node);
  void fuse_scores(const graph::Node* softmax);
  void fuse_weighted_values(const graph::Node* softmax);
  void track_root(const graph::Node* node);
  void fuse_region(const graph::Node* last, const graph::Value* root);

  bool is_constant_arithmetic(const graph::Node* node) const;
  bool is_gate(const graph::Value* value) const;
  bool comes_from_pool(const graph::Node* node) const;
  // The node that computes the value, passing over reshapes and the like.
  const graph::Node* source(const graph::Value* value) const;
  // The same, but nullptr if it or one of those is used elsewhere too.
  const graph::Node* sole_source(const graph::Value* value) const;
  const graph::Value* root(const graph::Value* value) const;

  const DataFlow& flow_;
  std::set<std::pair<const graph::Node*, size_t>> fused_;
  // Of values computed elementwise from one single value: that value.
  std::unordered_map<const graph::Value*, const graph::Value*> roots_;
  std::unordered_set<const graph::Node*> in_region_;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_FUSED_INPUTS_H_
