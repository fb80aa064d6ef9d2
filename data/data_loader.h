// data/data_loader.h: where training, evaluation and calibration take their batches from.
//
//   PARE_RETURN_IF_ERROR(loader.start_epoch(epoch));
//   for (;;) {
//     PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> batch, loader.next());
//     if (!batch) break;
//     use(batch->inputs[0], batch->targets);
//   }
//
// A loader of one's own derives from DataLoader; data/image_loader.h, data/random_loader.h and data/torch_data.h are
// the ones that come with Pare. A loader is used by one thread at a time.
//
// Where several processes train together, each one's loader gives its part of each batch (data/shard.h), and says of
// batches and samples how many there are in all: with another number of processes nothing changes but the parts.

#ifndef PARE_DATA_DATA_LOADER_H_
#define PARE_DATA_DATA_LOADER_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "data/batch.h"

namespace pare::data {

class DataLoader {
 public:
  virtual ~DataLoader() = default;

  // Starts pass number `epoch` (from 0). Order and augmentation depend on (seed, epoch) alone, so a resumed training
  // sees what an uninterrupted one would have seen. May be called in the middle of a pass, which is then given up.
  virtual absl::Status start_epoch(int64_t epoch) = 0;

  // The next batch; nullopt after the last, and whenever no pass was started.
  virtual absl::StatusOr<std::optional<Batch>> next() = 0;

  // Of one pass.
  virtual int64_t num_batches() const = 0;
  virtual int64_t num_samples() const = 0;

  // Of every batch but the last, which may be smaller.
  virtual int64_t batch_size() const = 0;
};

}  // namespace pare::data

#endif  // PARE_DATA_DATA_LOADER_H_
