// graph/profile.h: what each operator of a model costs: shapes, parameters, floating point operations.
//
//   PARE_ASSIGN_OR_RETURN(ModelProfile profile, profile_model(*model, {at::zeros({1, 3, 32, 32})}));
//   std::cout << profile.flops / 1e6 << " MFLOPs\n";
//
// An operation is an addition or a multiplication: a convolution has 2 * Cin / groups * k^2 * Cout * Ho * Wo of them, a
// linear layer or matrix product 2 * K an element of its result (biases not counted); other operators are counted as
// none.

#ifndef PARE_GRAPH_PROFILE_H_
#define PARE_GRAPH_PROFILE_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/model.h"

namespace pare::graph {

struct NodeProfile {
  const Node* node = nullptr;
  std::vector<int64_t> output_shape;  // of the first output that is a tensor
  int64_t parameters = 0;             // elements of the parameters that are its inputs, directly or through transforms
  int64_t flops = 0;
};

struct ModelProfile {
  std::vector<NodeProfile> nodes;  // those with a tensor as result, in the order of execution
  int64_t parameters = 0;          // of the model, each once
  int64_t flops = 0;
};

// Runs the model once on these inputs, in its present mode and without gradients. Errors: those of Model::forward().
absl::StatusOr<ModelProfile> profile_model(Model& model, const std::vector<at::Tensor>& inputs);

}  // namespace pare::graph

#endif  // PARE_GRAPH_PROFILE_H_
