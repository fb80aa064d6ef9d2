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

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
  bool has_work() const;  // expects mutex_ to be held

  const int num_workers_;
  const int64_t ahead_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable work_ready_;   // has_work() or stopping_ may have become true: workers wait for it
  std::condition_variable batch_ready_;  // a pass has one more in `ready`: next() waits for it
  bool stopping_ = false;                // guarded by mutex_
  // Shared with the workers that still prepare a batch of a pass that was given up. Guarded by mutex_.
  std::shared_ptr<Pass> pass_;
};

}  // namespace pare::data

#endif  // PARE_DATA_BATCH_PREFETCHER_H_
