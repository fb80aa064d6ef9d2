// data/torch_data.h: data sets and loaders of torch::data, as a DataLoader.
//
//   // A data set: our order, from (seed, epoch).
//   auto set = torch::data::datasets::MNIST("mnist").map(torch::data::transforms::Normalize<>(0.13, 0.31));
//   PARE_ASSIGN_OR_RETURN(auto loader, adapt_torch_dataset(std::move(set), {.batch_size = 64, .shuffle = true}));
//
//   // A loader: its own sampler and threads.
//   auto theirs = torch::data::make_data_loader(std::move(set), torch::data::DataLoaderOptions(64).workers(2));
//   PARE_ASSIGN_OR_RETURN(auto loader, adapt_torch_data_loader(std::move(theirs), {.num_samples = 60000,
//                                                                                  .batch_size = 64, .seed = 1}));
//
// Samples are torch::data::Example<>: `data` becomes the one input, `target` (a number or a vector of one) the class.
// Sets and loaders may give them one by one or stacked (transforms::Stack). Random samplers of torch::data draw from
// LibTorch's global CPU generator: start_epoch() seeds it from (seed, epoch) for the sampler's draw and gives it its
// former state back. Errors: InvalidArgument for options out of range; what torch::data throws, from next(), again and
// again until the next start_epoch().

#ifndef PARE_DATA_TORCH_DATA_H_
#define PARE_DATA_TORCH_DATA_H_

#include <ATen/Context.h>
#include <torch/data.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"
#include "data/data_loader.h"
#include "data/random.h"
#include "data/shard.h"

namespace pare::data {

// One sample, or an already stacked batch of them.
inline Batch batch_of(const torch::data::Example<>& stacked) { return {{stacked.data}, stacked.target.reshape({-1})}; }

inline Batch batch_of(const std::vector<torch::data::Example<>>& examples) {
  std::vector<at::Tensor> inputs, targets;
  for (const auto& example : examples) {
    inputs.push_back(example.data);
    targets.push_back(example.target.reshape({}));
  }
  return {{torch::stack(inputs)}, torch::stack(targets)};
}

struct TorchDatasetOptions {
  int64_t batch_size = 128;
  bool shuffle = false;
  uint64_t seed = 0;
  // The part of each batch that is prepared; batch_size is that of the whole.
  Shard shard;
};

// Of a map-style torch::data data set, one with get_batch(indices) and a size.
template <typename Dataset>
class TorchDatasetLoader : public DataLoader {
 public:
  TorchDatasetLoader(Dataset dataset, int64_t size, const TorchDatasetOptions& options)
      : dataset_(std::move(dataset)), size_(size), options_(options), given_(size) {}

  absl::Status start_epoch(int64_t epoch) override {
    constexpr uint32_t kTorchDataset = 4;  // StreamName::what
    RandomStream random(options_.seed, {kTorchDataset, static_cast<uint32_t>(epoch)});
    order_.resize(size_);
    std::iota(order_.begin(), order_.end(), int64_t{0});
    if (options_.shuffle) order_ = random_permutation(size_, random);
    given_ = 0;
    status_ = absl::OkStatus();
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Batch>> next() override {
    if (!status_.ok()) return status_;
    if (given_ == size_) return std::nullopt;
    const int64_t whole = std::min(options_.batch_size, size_ - given_);
    const Part part = part_of(options_.shard, whole);
    // A data set cannot be asked for nothing: of an empty part its batch's first sample is read and dropped.
    const int64_t first = part.size() > 0 ? part.begin : 0, read = std::max<int64_t>(part.size(), 1);
    const std::vector<size_t> indices(order_.begin() + given_ + first, order_.begin() + given_ + first + read);
    given_ += whole;
    absl::StatusOr<std::optional<Batch>> result = guard_torch("torch::data data set", [&] {
      Batch batch = batch_of(dataset_.get_batch(indices));
      if (part.size() == 0) {
        for (at::Tensor& input : batch.inputs) input = input.narrow(0, 0, 0);
        batch.targets = batch.targets.narrow(0, 0, 0);
      }
      batch.first = part.begin;
      batch.whole = whole;
      return std::optional<Batch>(std::move(batch));
    });
    status_ = result.status();
    return result;
  }

  int64_t num_batches() const override { return (size_ + options_.batch_size - 1) / options_.batch_size; }
  int64_t num_samples() const override { return size_; }
  int64_t batch_size() const override { return options_.batch_size; }

 private:
  Dataset dataset_;
  int64_t size_;
  TorchDatasetOptions options_;
  std::vector<int64_t> order_;
  int64_t given_;
  absl::Status status_;  // of the pass: an error ends it
};

template <typename Dataset>
absl::StatusOr<std::unique_ptr<DataLoader>> adapt_torch_dataset(Dataset dataset, const TorchDatasetOptions& options) {
  const auto size = dataset.size();
  if (!size.has_value() || *size == 0) return absl::InvalidArgumentError("torch::data data set: it has no size");
  if (options.batch_size < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("torch::data data set: batch_size is ", options.batch_size, ", but must be at least 1"));
  }
  if (absl::Status status = check_shard(options.shard); !status.ok()) return status;
  return std::make_unique<TorchDatasetLoader<Dataset>>(std::move(dataset), static_cast<int64_t>(*size), options);
}

struct TorchDataLoaderOptions {
  int64_t num_samples = 0;  // Of a pass; the loader does not tell.
  int64_t batch_size = 1;   // The loader's own.
  uint64_t seed = 0;
};

// Of a torch::data loader (StatelessDataLoader, StatefulDataLoader).
template <typename Loader>
class TorchDataLoader : public DataLoader {
 public:
  TorchDataLoader(std::unique_ptr<Loader> loader, const TorchDataLoaderOptions& options)
      : loader_(std::move(loader)), options_(options) {}

  absl::Status start_epoch(int64_t epoch) override {
    status_ = absl::OkStatus();
    return guard_torch("torch::data loader", [&] {
      // torch::data refuses to start a pass before the last one is used up.
      while (position_ && *position_ != loader_->end()) ++*position_;
      position_.reset();
      fresh_ = true;
      at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
      const at::Tensor state = locked(generator, [&] { return generator.get_state(); });
      constexpr uint32_t kTorchLoader = 5;  // StreamName::what
      RandomStream random(options_.seed, {kTorchLoader, static_cast<uint32_t>(epoch)});
      locked(generator, [&] { generator.set_current_seed(random.next()); });
      try {
        position_.emplace(loader_->begin());
      } catch (...) {
        locked(generator, [&] { generator.set_state(state); });
        throw;
      }
      locked(generator, [&] { generator.set_state(state); });
    });
  }

  absl::StatusOr<std::optional<Batch>> next() override {
    if (!status_.ok()) return status_;
    absl::StatusOr<std::optional<Batch>> result = guard_torch("torch::data loader", [&]() -> std::optional<Batch> {
      if (!position_) return std::nullopt;
      if (!fresh_) ++*position_;
      fresh_ = false;
      if (*position_ == loader_->end()) {
        position_.reset();
        return std::nullopt;
      }
      return batch_of(**position_);
    });
    status_ = result.status();
    return result;
  }

  int64_t num_batches() const override {
    return (options_.num_samples + options_.batch_size - 1) / options_.batch_size;
  }
  int64_t num_samples() const override { return options_.num_samples; }
  int64_t batch_size() const override { return options_.batch_size; }

 private:
  template <typename F>
  static auto locked(at::Generator& generator, F&& f) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return f();
  }

  std::unique_ptr<Loader> loader_;
  TorchDataLoaderOptions options_;
  std::optional<std::decay_t<decltype(std::declval<Loader&>().begin())>> position_;
  bool fresh_ = false;
  absl::Status status_;  // of the pass: an error ends it
};

template <typename Loader>
absl::StatusOr<std::unique_ptr<DataLoader>> adapt_torch_data_loader(std::unique_ptr<Loader> loader,
                                                                    const TorchDataLoaderOptions& options) {
  if (loader == nullptr || options.num_samples < 1 || options.batch_size < 1) {
    return absl::InvalidArgumentError(absl::StrCat("torch::data loader: num_samples is ", options.num_samples,
                                                   " and batch_size ", options.batch_size,
                                                   ", but each must be at least 1, and the loader must not be null"));
  }
  return std::make_unique<TorchDataLoader<Loader>>(std::move(loader), options);
}

}  // namespace pare::data

#endif  // PARE_DATA_TORCH_DATA_H_
