// data/shard.h: which part of each batch is this process's, where several train together.
//
//   ImageLoaderOptions options{.batch_size = 256, .shuffle = true, .shard = {.index = group->rank(),
//                                                                            .count = group->size()}};
//
// The batches are those that one process would see: the same samples in the same order, so that the number of processes
// changes nothing but who computes what. Of a batch of n samples, shard i of c is the samples n i / c to n (i + 1) / c,
// both rounded down: parts that differ by one at most, and that may be empty where n < c.

#ifndef PARE_DATA_SHARD_H_
#define PARE_DATA_SHARD_H_

#include <cstdint>

#include "absl/status/status.h"

namespace pare::data {

struct Shard {
  int index = 0;
  int count = 1;
};

struct Part {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

// Of n samples, n >= 0.
Part part_of(const Shard& shard, int64_t n);

// InvalidArgument unless 0 <= index < count.
absl::Status check_shard(const Shard& shard);

}  // namespace pare::data

#endif  // PARE_DATA_SHARD_H_
