// data/sharded_loader.h: a process's part of each batch of any loader.
//
//   ShardedLoader mine(everyones, {.index = group->rank(), .count = group->size()});
//
// Each process prepares the whole batch and takes its part, so that a loader that does not know of shards (one of your
// own, RandomLoader, torch::data's) can be trained from in several processes. ImageLoader and adapt_torch_dataset()
// prepare their part alone: give those a shard in their options.

#ifndef PARE_DATA_SHARDED_LOADER_H_
#define PARE_DATA_SHARDED_LOADER_H_

#include "data/data_loader.h"
#include "data/shard.h"

namespace pare::data {

class ShardedLoader : public DataLoader {
 public:
  // The loader must outlive it, and give the same batches in every process. The shard must be a valid one.
  ShardedLoader(DataLoader& loader, const Shard& shard) : loader_(loader), shard_(shard) {}

  absl::Status start_epoch(int64_t epoch) override { return loader_.start_epoch(epoch); }
  // InvalidArgument for a batch that is itself a part.
  absl::StatusOr<std::optional<Batch>> next() override;
  int64_t num_batches() const override { return loader_.num_batches(); }
  int64_t num_samples() const override { return loader_.num_samples(); }
  int64_t batch_size() const override { return loader_.batch_size(); }

 private:
  DataLoader& loader_;
  Shard shard_;
};

}  // namespace pare::data

#endif  // PARE_DATA_SHARDED_LOADER_H_
