// data/batch_prefetcher.h: prepares the batches of a pass ahead of time, in threads, and hands them out in order.
//
//   BatchPrefetcher prefetcher(/*num_workers=*/2, /*ahead=*/4);
//   prefetcher.start(10, [=](int64_t number) -> absl::StatusOr<Batch> { return prepare(number); });
//   while (...) PARE_ASSIGN_OR_RETURN(std::optional<Batch> batch, prefetcher.next());   // 0, 1, ... 9, then nullopt
//
// `prepare` is called from several threads at once, for different numbers, and never for one `ahead` or more beyond the
// last that was handed out. With no workers it is called by next() itself. An error ends the pass: next() returns it
// until the next start(). What `prepare` throws becomes an error.

#ifndef PARE_DATA_BATCH_PREFETCHER_H_
#define PARE_DATA_BATCH_PREFETCHER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "data/batch.h"

namespace pare::data {

class BatchPrefetcher {
 public:
  using Prepare = std::function<absl::StatusOr<Batch>(int64_t number)>;

  // num_workers >= 0, ahead >= 1. Threads are started by the first start().
  BatchPrefetcher(int num_workers, int64_t ahead);

  // Waits for batches that are being prepared.
  ~BatchPrefetcher();

  BatchPrefetcher(const BatchPrefetcher&) = delete;
  BatchPrefetcher& operator=(const BatchPrefetcher&) = delete;

  // Gives up the running pass, if there is one, and starts one of `num_batches`. Errors: ResourceExhausted when the
  // system gives no thread; there is no pass then.
  absl::Status start(int64_t num_batches, Prepare prepare);

  absl::StatusOr<std::optional<Batch>> next();

 private:
  struct Pass {
    Prepare prepare;
    int64_t num_batches;
    int64_t claimed = 0;  // Batches that some worker has taken on.
    int64_t handed_out = 0;
    absl::Status status;
    std::map<int64_t, absl::StatusOr<Batch>> ready;
  };

  void work();
  bool has_work() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int num_workers_;
  const int64_t ahead_;
  std::vector<std::thread> workers_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Shared with the workers that still prepare a batch of a pass that was given up.
  std::shared_ptr<Pass> pass_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pare::data

#endif  // PARE_DATA_BATCH_PREFETCHER_H_
