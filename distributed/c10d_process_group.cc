#include "distributed/c10d_process_group.h"

#include <ATen/core/grad_mode.h>

#include <atomic>
#include <exception>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "distributed/engine.h"
#include "distributed/store_options.h"

namespace pare {
namespace {

c10d::ReduceOp to_c10d(Reduction reduction) {
  switch (reduction) {
    case Reduction::kMin:
      return c10d::ReduceOp::MIN;
    case Reduction::kMax:
      return c10d::ReduceOp::MAX;
    case Reduction::kSum:
      break;
  }
  return c10d::ReduceOp::SUM;
}

std::string in_words(std::chrono::milliseconds timeout) { return absl::FormatDuration(absl::FromChrono(timeout)); }

class C10dProcessGroup : public ProcessGroup {
 public:
  C10dProcessGroup(const GroupOptions& options, c10::intrusive_ptr<c10d::Store> store,
                   c10::intrusive_ptr<distributed_engine::Engine> engine)
      : options_(options), store_(std::move(store)), engine_(std::move(engine)) {}

  ~C10dProcessGroup() override {
    // An engine that has failed would wait here for answers that will not come. The process is about to end.
    if (failed_) engine_.release();
  }

  int rank() const override { return options_.rank; }
  int size() const override { return options_.size; }

  absl::StatusOr<std::unique_ptr<Work>> start_all_reduce(const at::Tensor& tensor, Reduction reduction) override {
    const auto reduce = [&](std::vector<at::Tensor>& tensors) {
      c10d::AllreduceOptions options;
      options.reduceOp = to_c10d(reduction);
      return engine_->allreduce(tensors, options);
    };
    const bool is_narrow =
        tensor.defined() && (tensor.scalar_type() == c10::kHalf || tensor.scalar_type() == c10::kBFloat16);
    if (!options_.device.is_cpu() || !is_narrow) return start(tensor, reduce);
    // Which of them Gloo can add up differs with LibTorch's version; and sums lose less in float32.
    PARE_ASSIGN_OR_RETURN(const at::Tensor wide, guard_torch(whose(), [&] { return tensor.to(c10::kFloat); }));
    PARE_ASSIGN_OR_RETURN(std::unique_ptr<Work> work, start(wide, reduce));
    return std::make_unique<NarrowingWork>(std::move(work), wide, tensor);
  }

  absl::Status broadcast(const at::Tensor& tensor, int root) override {
    if (root < 0 || root >= size()) {
      return absl::InvalidArgumentError(absl::StrCat("process ", root, " is asked for, but there are ", size()));
    }
    PARE_ASSIGN_OR_RETURN(const std::unique_ptr<Work> work, start(tensor, [&](std::vector<at::Tensor>& tensors) {
                            c10d::BroadcastOptions options;
                            options.rootRank = root;
                            return engine_->broadcast(tensors, options);
                          }));
    return work->wait();
  }

  absl::StatusOr<std::vector<at::Tensor>> all_gather(const at::Tensor& tensor) override {
    std::vector<std::vector<at::Tensor>> results(1);
    PARE_ASSIGN_OR_RETURN(const std::unique_ptr<Work> work, start(tensor, [&](std::vector<at::Tensor>& tensors) {
                            for (int i = 0; i < size(); ++i) results[0].push_back(at::empty_like(tensors[0]));
                            return engine_->allgather(results, tensors);
                          }));
    PARE_RETURN_IF_ERROR(work->wait());
    return std::move(results[0]);
  }

 private:
  class C10dWork : public Work {
   public:
    C10dWork(C10dProcessGroup& group, c10::intrusive_ptr<c10d::Work> work, std::vector<at::Tensor> tensors)
        : group_(group), work_(std::move(work)), tensors_(std::move(tensors)) {}
    absl::Status wait() override {
      try {
        work_->wait();
        return absl::OkStatus();
      } catch (...) {
        return group_.failure(std::current_exception());
      }
    }

   private:
    C10dProcessGroup& group_;
    c10::intrusive_ptr<c10d::Work> work_;
    std::vector<at::Tensor> tensors_;  // live while they are written
  };

  // Of a copy in float32, which becomes the tensor's values in the end.
  class NarrowingWork : public Work {
   public:
    NarrowingWork(std::unique_ptr<Work> work, at::Tensor wide, at::Tensor narrow)
        : work_(std::move(work)), wide_(std::move(wide)), narrow_(std::move(narrow)) {}
    absl::Status wait() override {
      PARE_RETURN_IF_ERROR(work_->wait());
      return guard_torch("a reduced tensor", [&] {
        const at::NoGradGuard no_grad;
        narrow_.copy_(wide_);
      });
    }

   private:
    std::unique_ptr<Work> work_;
    at::Tensor wide_, narrow_;
  };

  template <typename Call>
  absl::StatusOr<std::unique_ptr<Work>> start(const at::Tensor& tensor, Call&& call) {
    if (failed_) return absl::UnavailableError(absl::StrCat(whose(), " has failed before"));
    if (!tensor.defined() || !tensor.is_contiguous()) {
      return absl::InvalidArgumentError(absl::StrCat(whose(), ": a tensor to be exchanged must be there, and dense"));
    }
    std::vector<at::Tensor> tensors{tensor};
    c10::intrusive_ptr<c10d::Work> work;
    try {
      work = call(tensors);
    } catch (...) {
      // NCCL meets the others in its first call; Gloo has met them, and refuses what it cannot send.
      if (!options_.device.is_cpu()) return failure(std::current_exception());
      return status_of_exception(whose(), std::current_exception());
    }
    return std::make_unique<C10dWork>(*this, std::move(work), std::move(tensors));
  }

  std::string whose() const { return absl::StrCat("process ", rank(), " of ", size()); }

  absl::Status failure(std::exception_ptr exception) {
    failed_ = true;
    const absl::Status cause = status_of_exception("LibTorch says", exception);
    return absl::UnavailableError(absl::StrCat(
        whose(), ": another process has ended, or did not answer within ", in_words(options_.timeout),
        "; what it said last tells why, and training goes on from the last checkpoint (", cause.message(), ")"));
  }

  c10::Device device() const override { return options_.device; }

  const GroupOptions options_;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<distributed_engine::Engine> engine_;
  std::atomic<bool> failed_{false};
};

absl::Status check(const GroupOptions& options) {
  if (options.size < 1 || options.rank < 0 || options.rank >= options.size) {
    return absl::InvalidArgumentError(absl::StrCat("process group: rank ", options.rank, " of ", options.size,
                                                   " processes; ranks go from 0 to one less than their number"));
  }
  if (options.address.empty() || options.port == 0) {
    return absl::InvalidArgumentError("process group: the address and the port of process 0 are needed");
  }
  if (options.timeout < std::chrono::milliseconds(1)) {
    return absl::InvalidArgumentError("process group: the timeout must be at least a millisecond");
  }
  return absl::OkStatus();
}

absl::Status not_together(const GroupOptions& options, const absl::Status& cause) {
  return absl::UnavailableError(absl::StrCat(
      "process ", options.rank, " of ", options.size, " did not meet the others at ", options.address, " port ",
      options.port, " within ", in_words(options.timeout), ": are all ", options.size,
      " started, with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE and a RANK each, can they reach the port, and ",
      "does no other program use it? ",
      options.is_served ? "(torchrun listens there, whose LibTorch must speak as this one's does: if it is of another "
                          "version, set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, or start by 'pare launch'.) "
                        : "",
      "(", cause.message(), ")"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<ProcessGroup>> make_process_group(const GroupOptions& options) {
  PARE_RETURN_IF_ERROR(check(options));
  PARE_RETURN_IF_ERROR(distributed_engine::check_available(options));
  absl::StatusOr<std::shared_ptr<ProcessGroup>> group =
      guard_torch("the processes' meeting", [&]() -> std::shared_ptr<ProcessGroup> {
        auto store_options = distributed_engine::without_libuv(c10d::TCPStoreOptions());
        store_options.port = options.port;
        store_options.isServer = options.rank == 0 && !options.is_served;
        store_options.numWorkers = static_cast<size_t>(options.size);
        store_options.timeout = options.timeout;
        c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(options.address, store_options);
        if (!options.prefix.empty()) store = c10::make_intrusive<c10d::PrefixStore>(options.prefix, store);
        auto engine = distributed_engine::make_engine(store, options);
        return std::make_shared<C10dProcessGroup>(options, std::move(store), std::move(engine));
      });
  if (!group.ok()) return not_together(options, group.status());
  // The store lives in process 0: nobody is to leave before all have met.
  PARE_RETURN_IF_ERROR((*group)->barrier());
  return group;
}

}  // namespace pare
