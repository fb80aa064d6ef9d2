// compression/sparsity/movement_structures.h: which rows and columns of a model's linear layers live and die together:
// attention heads, units of an MLP.
//
//   PARE_ASSIGN_OR_RETURN(auto structures, MovementStructures::find(*model, input_size, layers));   // before hooks
//   std::vector<at::Tensor> masks = structures.resolve(learned);    // one a layer, in the order of `layers`
//
// A structure is a class of compression/pruning/channel_labels.h (a head: its rows in query, key and value, and its
// columns in the projection; a unit of an MLP: a row of the first layer and a column of the second) that is not fixed,
// and all of whose rows and columns, one of each at least, are of `layers`: then with all of them zero nothing of it is
// left in the model's output, and it could be cut out. Columns of embeddings may be in it as well (a table of position
// biases, one a head): only its linear layers read them.
//
// The rule (NNCF's, movement/structured_mask_handler.py): a structure lives if a mask keeps a weight in any of its rows
// or columns. A weight in the row or the column of a structure then stays if those that it is in live, whatever had
// been learned for it alone: masked weights of living structures come back, since nothing is saved by their zeros, and
// train on. Weights that are in no structure keep their mask.

#ifndef PARE_COMPRESSION_SPARSITY_MOVEMENT_STRUCTURES_H_
#define PARE_COMPRESSION_SPARSITY_MOVEMENT_STRUCTURES_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/analysis/weighted_layers.h"
#include "graph/model.h"

namespace pare::sparsity {

class MovementStructures {
 public:
  // Of a layer: the structure of each row and of each column of its weight, -1: of none.
  struct Places {
    std::vector<int64_t> rows, columns;
  };

  MovementStructures() = default;
  // Runs the model once on zeros. `layers` have weights of two dimensions.
  static absl::StatusOr<MovementStructures> find(graph::Model& model,
                                                 const std::vector<std::vector<int64_t>>& input_size,
                                                 const std::vector<WeightedLayer>& layers);

  int64_t size() const { return size_; }
  const std::vector<Places>& places() const { return places_; }

  // Whether the masks are of the shapes that the weights had: not so when filter pruning has cut channels out since.
  bool fit(const std::vector<at::Tensor>& masks) const;
  // Masks: at::kBool, one a layer, of the weights' shapes. Throw c10::Error for others.
  std::vector<bool> living(const std::vector<at::Tensor>& masks) const;
  std::vector<at::Tensor> resolve(const std::vector<at::Tensor>& masks) const;

 private:
  int64_t size_ = 0;
  std::vector<Places> places_;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_MOVEMENT_STRUCTURES_H_
