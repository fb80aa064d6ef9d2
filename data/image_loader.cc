#include "data/image_loader.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "data/random.h"

namespace pare::data {
namespace {

// StreamName::what
constexpr uint32_t kShuffle = 0;
constexpr uint32_t kSubset = 1;

constexpr int kMostWorkers = 256;

absl::Status check_range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("image loader: ", name, " is ", value, ", but goes from ", least, " to ", most));
}

std::vector<int64_t> subset_of(int64_t size, const ImageLoaderOptions& options) {
  const int64_t used = options.subset_size == 0 ? size : options.subset_size;
  std::vector<int64_t> subset;
  if (options.random_subset && used < size) {
    RandomStream random(options.seed, {kSubset});
    subset = random_permutation(size, random);
    subset.resize(used);
    // The order of the data set, so that a subset differs from the whole in nothing but what is missing.
    std::sort(subset.begin(), subset.end());
  } else {
    subset.resize(used);
    std::iota(subset.begin(), subset.end(), int64_t{0});
  }
  return subset;
}

absl::StatusOr<Batch> make_batch(const ImageDataset& dataset, const ImageTransform& transform,
                                 absl::Span<const int64_t> indices, const std::optional<AugmentationKey>& key) {
  const ImageShape shape = dataset.shape();
  const auto count = static_cast<int64_t>(indices.size());
  Batch batch;
  batch.inputs = {at::empty({count, shape.channels, shape.height, shape.width}, at::kFloat)};
  batch.targets = at::empty({count}, at::kLong);
  auto* pixels = batch.inputs[0].data_ptr<float>();
  auto* labels = batch.targets.data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    PARE_ASSIGN_OR_RETURN(const LabeledImage image, dataset.image(indices[i]));
    if (static_cast<int64_t>(image.pixels.size()) != shape.bytes()) {
      return absl::InternalError(absl::StrCat("image ", indices[i], " of the data set has ", image.pixels.size(),
                                              " bytes, but its shape ", shape.to_string(), " takes ", shape.bytes()));
    }
    std::optional<AugmentationKey> image_key = key;
    if (image_key) image_key->index = indices[i];
    transform.apply(image.pixels, shape, image_key, absl::MakeSpan(pixels + i * shape.bytes(), shape.bytes()));
    labels[i] = image.label;
  }
  return batch;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageLoader>> ImageLoader::create(std::shared_ptr<const ImageDataset> dataset,
                                                                 const ImageLoaderOptions& options) {
  if (dataset == nullptr || dataset->size() == 0) {
    return absl::InvalidArgumentError("image loader: the data set is empty");
  }
  PARE_RETURN_IF_ERROR(check_range("batch_size", options.batch_size, 1, std::numeric_limits<int32_t>::max()));
  PARE_RETURN_IF_ERROR(check_range("num_workers", options.num_workers, 0, kMostWorkers));
  PARE_RETURN_IF_ERROR(check_range("prefetch", options.prefetch, 1, 1 << 16));
  PARE_RETURN_IF_ERROR(check_range("subset_size", options.subset_size, 0, dataset->size()));
  PARE_RETURN_IF_ERROR(check_shard(options.shard));
  PARE_RETURN_IF_ERROR(check_transform(options.transform, dataset->shape()));
  return absl::WrapUnique(new ImageLoader(std::move(dataset), options));
}

ImageLoader::ImageLoader(std::shared_ptr<const ImageDataset> dataset, const ImageLoaderOptions& options)
    : dataset_(std::move(dataset)),
      options_(options),
      transform_(options.transform),
      subset_(subset_of(dataset_->size(), options)),
      prefetcher_(options.num_workers, options.prefetch) {}

std::vector<int64_t> ImageLoader::order_of(int64_t epoch) const {
  if (!options_.shuffle) return subset_;
  RandomStream random(options_.seed, {kShuffle, static_cast<uint32_t>(epoch)});
  std::vector<int64_t> order;
  order.reserve(subset_.size());
  for (int64_t place : random_permutation(static_cast<int64_t>(subset_.size()), random))
    order.push_back(subset_[place]);
  return order;
}

absl::Status ImageLoader::start_epoch(int64_t epoch) {
  if (epoch < 0 || epoch > std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("image loader: epoch ", epoch, " is asked for; they count from 0"));
  }
  std::optional<AugmentationKey> key;
  if (options_.augment) key = AugmentationKey{options_.seed, epoch};
  return prefetcher_.start(num_batches(), [this, key, order = order_of(epoch)](int64_t number) {
    const auto whole = absl::MakeConstSpan(order).subspan(number * options_.batch_size, options_.batch_size);
    return make_part(whole, key);
  });
}

absl::StatusOr<Batch> ImageLoader::make_part(absl::Span<const int64_t> whole,
                                             const std::optional<AugmentationKey>& key) const {
  const auto size = static_cast<int64_t>(whole.size());
  const Part part = part_of(options_.shard, size);
  PARE_ASSIGN_OR_RETURN(Batch batch, make_batch(*dataset_, transform_, whole.subspan(part.begin, part.size()), key));
  batch.first = part.begin;
  batch.whole = size;
  return batch;
}

absl::StatusOr<std::optional<Batch>> ImageLoader::next() { return prefetcher_.next(); }

int64_t ImageLoader::num_batches() const {
  const auto images = static_cast<int64_t>(subset_.size());
  return options_.drop_last ? images / options_.batch_size : (images + options_.batch_size - 1) / options_.batch_size;
}

int64_t ImageLoader::num_samples() const {
  const auto images = static_cast<int64_t>(subset_.size());
  return options_.drop_last ? images / options_.batch_size * options_.batch_size : images;
}

}  // namespace pare::data
