#include "data/sharded_loader.h"

#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::data {

absl::StatusOr<std::optional<Batch>> ShardedLoader::next() {
  PARE_ASSIGN_OR_RETURN(std::optional<Batch> batch, loader_.next());
  if (!batch) return batch;
  if (batch->size() != batch->whole_size()) {
    return absl::InvalidArgumentError("a batch that is a shard already cannot be shared again");
  }
  const int64_t size = batch->size();
  const Part part = part_of(shard_, size);
  PARE_RETURN_IF_ERROR(guard_torch("a process's part of a batch", [&] {
    for (at::Tensor& input : batch->inputs) input = input.narrow(0, part.begin, part.size());
    if (batch->targets.defined()) batch->targets = batch->targets.narrow(0, part.begin, part.size());
  }));
  batch->first = part.begin;
  batch->whole = size;
  return batch;
}

}  // namespace pare::data
