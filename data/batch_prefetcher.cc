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
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& worker : workers_) worker.join();
}

absl::Status BatchPrefetcher::start(int64_t num_batches, Prepare prepare) {
  auto pass = std::make_shared<Pass>();
  pass->prepare = std::move(prepare);
  pass->num_batches = num_batches;
  {
    absl::MutexLock lock(&mutex_);
    pass_ = std::move(pass);
  }
  try {
    while (static_cast<int>(workers_.size()) < num_workers_) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    // There is no pass then: next() must not wait for batches that nobody prepares.
    absl::MutexLock lock(&mutex_);
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
  const auto wake = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || has_work(); };
  for (;;) {
    std::shared_ptr<Pass> pass;
    int64_t number = 0;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&wake));
      if (stopping_) return;
      pass = pass_;
      number = pass->claimed++;
    }
    absl::StatusOr<Batch> batch = prepare_safely(pass->prepare, number);
    absl::MutexLock lock(&mutex_);
    pass->ready.emplace(number, std::move(batch));
  }
}

absl::StatusOr<std::optional<Batch>> BatchPrefetcher::next() {
  std::shared_ptr<Pass> pass;
  {
    absl::MutexLock lock(&mutex_);
    pass = pass_;
  }
  if (pass == nullptr) return std::nullopt;
  absl::StatusOr<Batch> batch = absl::UnknownError("");
  if (num_workers_ == 0) {
    if (!pass->status.ok()) return pass->status;
    if (pass->handed_out == pass->num_batches) return std::nullopt;
    batch = prepare_safely(pass->prepare, pass->handed_out);
  } else {
    absl::MutexLock lock(&mutex_);
    if (!pass->status.ok()) return pass->status;
    if (pass->handed_out == pass->num_batches) return std::nullopt;
    const auto is_ready = [&]()
                              ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return pass->ready.count(pass->handed_out) > 0; };
    mutex_.Await(absl::Condition(&is_ready));
    batch = std::move(pass->ready.extract(pass->handed_out).mapped());
  }
  absl::MutexLock lock(&mutex_);
  if (!batch.ok()) {
    pass->status = batch.status();
    pass->ready.clear();
    return pass->status;
  }
  ++pass->handed_out;
  return std::optional<Batch>(*std::move(batch));
}

}  // namespace pare::data
