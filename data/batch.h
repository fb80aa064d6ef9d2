// data/batch.h: what a data loader hands out: the inputs of a model and the answers expected of it.
//
//   Batch batch;
//   batch.inputs = {at::zeros({32, 3, 32, 32})};
//   batch.targets = at::zeros({32}, at::kLong);
//   // batch.size() == 32
//
// `inputs` are the model's inputs in the order of its forward(), each with the batch as its first dimension; images are
// float32 [B, C, H, W], normalized. `targets` are the classes, int64 [B], from 0.

#ifndef PARE_DATA_BATCH_H_
#define PARE_DATA_BATCH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace pare::data {

struct Batch {
  std::vector<at::Tensor> inputs;
  at::Tensor targets;

  // The number of samples: the first dimension of the targets, or of the first input where there are no targets; else
  // 0.
  int64_t size() const;

  // Where several processes share a batch (data/shard.h): the place of this part's first sample in the whole, and how
  // many samples the whole has; 0: this is the whole.
  int64_t first = 0;
  int64_t whole = 0;
  int64_t whole_size() const { return whole > 0 ? whole : size(); }
  // What a mean over this part is multiplied by, so that the mean of `processes` such products is the mean over the
  // whole: 1 where all parts are as large.
  double weight_among(int processes) const;
};

}  // namespace pare::data

#endif  // PARE_DATA_BATCH_H_
