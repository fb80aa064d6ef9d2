#include "data/batch_prefetcher.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"

namespace pare::data {
namespace {

absl::StatusOr<Batch> prepare_safely(const BatchPrefetcher::Prepare& prepare, int64_t number) {
  auto result = guard_torch(absl::StrCat("preparing batch ", number), [&] { return prepare(number); });
  if (!result.ok()) return result.status();
  return *std::move(result);
}

}  // namespace

BatchPrefetcher::BatchPrefetcher(int num_workers, int64_t ahead) : num_workers_(num_workers), ahead_(ahead) {}

BatchPrefetcher::~BatchPrefetcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    work_ready_.notify_all();
  }
  for (std::thread& worker : workers_) worker.join();
}

absl::Status BatchPrefetcher::start(int64_t num_batches, Prepare prepare) {
  auto pass = std::make_shared<Pass>();
  pass->prepare = std::move(prepare);
  pass->num_batches = num_batches;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    pass_ = std::move(pass);
    work_ready_.notify_all();
  }
  try {
    while (static_cast<int>(workers_.size()) < num_workers_) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    // There is no pass then: next() must not wait for batches that nobody prepares.
    const std::lock_guard<std::mutex> lock(mutex_);
    pass_ = nullptr;
    return absl::ResourceExhaustedError(absl::StrCat("data loader: worker ", workers_.size(), " of ", num_workers_,
                                                     " could not be started: ", error.what(), "; ask for fewer"));
  }
  return absl::OkStatus();
}

bool BatchPrefetcher::has_work() const {
  return pass_ != nullptr && pass_->status.ok() && pass_->claimed < pass_->num_batches &&
         pass_->claimed < pass_->handed_out + ahead_;
}

void BatchPrefetcher::work() {
  for (;;) {
    std::shared_ptr<Pass> pass;
    int64_t number = 0;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      work_ready_.wait(lock, [this] { return stopping_ || has_work(); });
      if (stopping_) return;
      pass = pass_;
      number = pass->claimed++;
    }
    absl::StatusOr<Batch> batch = prepare_safely(pass->prepare, number);
    const std::lock_guard<std::mutex> lock(mutex_);
    pass->ready.emplace(number, std::move(batch));
    batch_ready_.notify_all();
  }
}

absl::StatusOr<std::optional<Batch>> BatchPrefetcher::next() {
  std::shared_ptr<Pass> pass;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    pass = pass_;
  }
  if (pass == nullptr) return std::nullopt;
  absl::StatusOr<Batch> batch = absl::UnknownError("");
  if (num_workers_ == 0) {
    if (!pass->status.ok()) return pass->status;
    if (pass->handed_out == pass->num_batches) return std::nullopt;
    batch = prepare_safely(pass->prepare, pass->handed_out);
  } else {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!pass->status.ok()) return pass->status;
    if (pass->handed_out == pass->num_batches) return std::nullopt;
    batch_ready_.wait(lock, [&] { return pass->ready.count(pass->handed_out) > 0; });
    batch = std::move(pass->ready.extract(pass->handed_out).mapped());
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!batch.ok()) {
    pass->status = batch.status();
    pass->ready.clear();
    return pass->status;
  }
  ++pass->handed_out;
  work_ready_.notify_one();  // one more batch may be claimed
  return std::optional<Batch>(*std::move(batch));
}

}  // namespace pare::data
