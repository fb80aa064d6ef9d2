#include "distributed/gradient_averager.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare {
namespace {

// A pointer to an autograd node that shares it: std::shared_ptr, and from 2.14 on LibTorch's own.
using Accumulator = decltype(torch::autograd::impl::grad_accumulator(std::declval<at::Tensor>()));

}  // namespace

// What hooks share with the averager: they may outlive it, as the graph of a loss that somebody keeps does.
class GradientAverager::Impl {
 public:
  Impl(ProcessGroup& group, std::vector<at::Tensor> parameters, int64_t bucket_bytes)
      : group_(group), parameters_(std::move(parameters)), bucket_bytes_(bucket_bytes) {
    // A backward pass comes to the last layers first.
    std::vector<int64_t> order(parameters_.size());
    std::iota(order.rbegin(), order.rend(), int64_t{0});
    fill_buckets(order);
  }

  static void add_hooks(const std::shared_ptr<Impl>& impl) {
    for (size_t i = 0; i < impl->parameters_.size(); ++i) {
      Accumulator accumulator = torch::autograd::impl::grad_accumulator(impl->parameters_[i]);
      const uintptr_t key = accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
          [weak = std::weak_ptr<Impl>(impl), i](const torch::autograd::variable_list& outputs,
                                                const torch::autograd::variable_list&) {
            if (const std::shared_ptr<Impl> self = weak.lock()) self->gradient_is_done(static_cast<int64_t>(i));
            return outputs;
          }));
      impl->hooks_.emplace_back(key, std::move(accumulator));
    }
  }

  ~Impl() {
    for (const auto& [key, accumulator] : hooks_) accumulator->del_post_hook(key);
  }

  void start() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_running_ = true;
    status_ = absl::OkStatus();
    next_bucket_ = 0;
    arrived_.clear();
    is_done_.assign(parameters_.size(), false);
    for (Bucket& bucket : buckets_) {
      bucket.missing = static_cast<int64_t>(bucket.members.size());
      bucket.work.reset();
    }
  }

  void gradient_is_done(int64_t parameter) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!is_running_ || is_done_[parameter] || !status_.ok()) return;
    is_done_[parameter] = true;
    arrived_.push_back(parameter);
    --buckets_[bucket_of_[parameter]].missing;
    // In their order, which all processes keep to.
    while (status_.ok() && next_bucket_ < buckets_.size() && buckets_[next_bucket_].missing == 0) {
      status_ = send(buckets_[next_bucket_++]);
    }
  }

  absl::Status finish() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_running_ = false;
    while (status_.ok() && next_bucket_ < buckets_.size()) status_ = send(buckets_[next_bucket_++]);
    for (Bucket& bucket : buckets_) {
      if (status_.ok()) status_ = receive(bucket);
    }
    PARE_RETURN_IF_ERROR(status_);
    return is_ordered_ ? absl::OkStatus() : order_buckets();
  }

  int64_t num_buckets() const { return static_cast<int64_t>(buckets_.size()); }

 private:
  struct Bucket {
    std::vector<int64_t> members;
    std::vector<int64_t> offsets;  // of each, in `content`
    // All gradients one behind the other, then for each whether it is there: the sums over the processes of both.
    at::Tensor content;
    int64_t missing = 0;
    std::unique_ptr<ProcessGroup::Work> work;
  };

  // Gradients of a bucket are of one type and on one device.
  void fill_buckets(const std::vector<int64_t>& order) {
    buckets_.clear();
    bucket_of_.assign(parameters_.size(), 0);
    std::optional<at::TensorOptions> options;
    int64_t bytes = 0;
    for (const int64_t i : order) {
      const at::Tensor& parameter = parameters_[i];
      const bool fits = options.has_value() && options->dtype() == parameter.dtype() &&
                        options->device() == parameter.device() && bytes < bucket_bytes_;
      if (!fits) {
        buckets_.emplace_back();
        options = at::TensorOptions(parameter.dtype()).device(parameter.device());
        bytes = 0;
      }
      buckets_.back().members.push_back(i);
      bucket_of_[i] = buckets_.size() - 1;
      bytes += static_cast<int64_t>(parameter.nbytes());
    }
    for (Bucket& bucket : buckets_) {
      int64_t size = 0;
      for (const int64_t i : bucket.members) {
        bucket.offsets.push_back(size);
        size += parameters_[i].numel();
      }
      const at::Tensor& first = parameters_[bucket.members[0]];
      bucket.content =
          at::empty({size + static_cast<int64_t>(bucket.members.size())}, first.options().requires_grad(false));
    }
  }

  at::Tensor place_of(const Bucket& bucket, size_t member) const {
    const at::Tensor& parameter = parameters_[bucket.members[member]];
    return bucket.content.narrow(0, bucket.offsets[member], parameter.numel()).view(parameter.sizes());
  }
  static at::Tensor flag_of(const Bucket& bucket, size_t member) {
    const auto members = static_cast<int64_t>(bucket.members.size());
    return bucket.content.select(0, bucket.content.numel() - members + static_cast<int64_t>(member));
  }

  absl::Status send(Bucket& bucket) {
    PARE_RETURN_IF_ERROR(guard_torch("gradients on their way to other processes", [&] {
      const at::NoGradGuard no_grad;
      for (size_t m = 0; m < bucket.members.size(); ++m) {
        const at::Tensor gradient = parameters_[bucket.members[m]].grad();
        flag_of(bucket, m).fill_(gradient.defined() ? 1.0 : 0.0);
        if (gradient.defined()) {
          place_of(bucket, m).copy_(gradient);
        } else {
          place_of(bucket, m).zero_();
        }
      }
    }));
    PARE_ASSIGN_OR_RETURN(bucket.work, group_.start_all_reduce(bucket.content, Reduction::kSum));
    return absl::OkStatus();
  }

  absl::Status receive(Bucket& bucket) {
    PARE_RETURN_IF_ERROR(bucket.work->wait());
    bucket.work.reset();
    return guard_torch("gradients of other processes", [&] {
      const at::NoGradGuard no_grad;
      const auto members = static_cast<int64_t>(bucket.members.size());
      const int64_t size = bucket.content.numel() - members;
      bucket.content.narrow(0, 0, size).div_(static_cast<double>(group_.size()));
      const at::Tensor flags = bucket.content.narrow(0, size, members).to(c10::kCPU, c10::kFloat);
      for (size_t m = 0; m < bucket.members.size(); ++m) {
        if (flags.data_ptr<float>()[m] == 0.0f) continue;
        at::Tensor& gradient = parameters_[bucket.members[m]].mutable_grad();
        if (!gradient.defined()) gradient = at::zeros_like(parameters_[bucket.members[m]].detach());
        gradient.copy_(place_of(bucket, m));
      }
    });
  }

  absl::Status order_buckets() {
    std::vector<int64_t> order = arrived_;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      if (!is_done_[i]) order.push_back(static_cast<int64_t>(i));
    }
    std::vector<double> numbers(order.begin(), order.end());
    // Everyone's are summed, and only process 0 has any.
    if (group_.rank() != 0) std::fill(numbers.begin(), numbers.end(), 0.0);
    PARE_RETURN_IF_ERROR(group_.reduce_numbers(absl::MakeSpan(numbers), Reduction::kSum));
    fill_buckets(std::vector<int64_t>(numbers.begin(), numbers.end()));
    is_ordered_ = true;
    return absl::OkStatus();
  }

  ProcessGroup& group_;
  std::vector<at::Tensor> parameters_;
  const int64_t bucket_bytes_;
  std::vector<std::pair<uintptr_t, Accumulator>> hooks_;
  std::vector<Bucket> buckets_;
  std::vector<size_t> bucket_of_;  // of each parameter

  std::mutex mutex_;  // a backward pass may end in a thread of a GPU
  bool is_running_ = false;
  bool is_ordered_ = false;
  absl::Status status_;
  size_t next_bucket_ = 0;
  std::vector<int64_t> arrived_;
  std::vector<bool> is_done_;
};

namespace {

std::vector<at::Tensor> those_that_learn(std::vector<at::Tensor> parameters) {
  std::erase_if(parameters, [](const at::Tensor& parameter) { return !parameter.requires_grad(); });
  return parameters;
}

}  // namespace

GradientAverager::GradientAverager(ProcessGroup& group, std::vector<at::Tensor> parameters, int64_t bucket_bytes)
    : impl_(std::make_shared<Impl>(group, those_that_learn(std::move(parameters)), bucket_bytes)) {
  Impl::add_hooks(impl_);
}

GradientAverager::~GradientAverager() = default;

void GradientAverager::start() { impl_->start(); }
absl::Status GradientAverager::finish() { return impl_->finish(); }
int64_t GradientAverager::num_buckets() const { return impl_->num_buckets(); }

}  // namespace pare
