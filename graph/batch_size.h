// graph/batch_size.h: undoes the batch size that tracing baked into a model.
//
//   free_batch_size(*model, {{{2, 3, 32, 32}}});   // x.view(2, 8, -1) becomes x.view(size(input, 0), 8, -1)
//
// A trace holds as plain numbers the sizes that its source computed as such. A number in front of the shape that a
// value with the batch in dimension 0 is viewed in (batch_flow.h), or that a constant is expanded or repeated to before
// it is concatenated with such a value, may be the batch that the model was traced with, a multiple of it, or a number
// of the model's own. With B the traced batch, L such a number:
//   view, reshape [L, known sizes]              -> [size(input, 0) * L / B, known sizes]
//   expand, repeat, zeros, ones, full [L, ...]  -> the same
//   view, reshape [L, -1, ...]                  -> [size(input, 0), -1, ...] where L is B
//
// B is not recorded anywhere; it is found out:
//   - with the shapes of the inputs (whose own batch does not matter): the model as it was traced runs with batch B. If
//     it runs with one batch alone of those that L could be, B is that. After the rewriting it must run with B and with
//     B + 1 rows, and its output must have as many rows more; or all is put back.
//   - without: from the expanded constants, or where the numbers have no common factor. Where that tells nothing,
//     [L, known sizes] becomes [-1, known sizes], which is the same for every valid input, and [L, -1, ...] stays.
// A number that stays is logged once a model: it then works only with the batch it was traced with.

#ifndef PARE_GRAPH_BATCH_SIZE_H_
#define PARE_GRAPH_BATCH_SIZE_H_

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "graph/model.h"

namespace pare::graph {

// The shapes of the inputs, with any batch; empty: not known. Float32 where `dtypes` is shorter.
struct InputShapes {
  std::vector<std::vector<int64_t>> shapes;
  std::vector<c10::ScalarType> dtypes;
};

absl::Status free_batch_size(Model& model, const InputShapes& inputs);

}  // namespace pare::graph

#endif  // PARE_GRAPH_BATCH_SIZE_H_
