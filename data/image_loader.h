// data/image_loader.h: batches of a data set's images, shuffled, augmented and prepared ahead by threads.
//
//   ImageLoaderOptions options{.batch_size = 128, .shuffle = true, .augment = true, .seed = 1, .num_workers = 2};
//   options.transform = {.normalization = imagenet_normalization(), .crop_padding = 4, .horizontal_flip = true};
//   PARE_ASSIGN_OR_RETURN(auto loader, ImageLoader::create(dataset, options));
//
// A batch has one input, float32 [B, C, H, W], and targets int64 [B]. The batches depend on the options and the epoch
// alone: any number of workers gives exactly the same. Workers prepare at most `prefetch` batches ahead, so memory is
// bounded whatever the consumer does.

#ifndef PARE_DATA_IMAGE_LOADER_H_
#define PARE_DATA_IMAGE_LOADER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "data/batch.h"
#include "data/batch_prefetcher.h"
#include "data/data_loader.h"
#include "data/dataset.h"
#include "data/shard.h"
#include "data/transforms.h"

namespace pare::data {

struct ImageLoaderOptions {
  int64_t batch_size = 128;
  bool shuffle = false;
  // Whether transform.crop_padding and transform.horizontal_flip are applied.
  bool augment = false;
  uint64_t seed = 0;
  // 0: batches are prepared in next(), by the caller's thread. At most 256.
  int num_workers = 2;
  int64_t prefetch = 4;
  // Leaves out a last batch that is smaller than the others.
  bool drop_last = false;
  // Of the data set, only so many images are used (0: all): the first ones, or ones drawn from the seed, the same in
  // every epoch.
  int64_t subset_size = 0;
  bool random_subset = false;
  TransformOptions transform;
  // The part of each batch that is prepared; batch_size is that of the whole.
  Shard shard;
};

class ImageLoader : public DataLoader {
 public:
  // Errors: InvalidArgument for options out of range, or a transform that does not fit the data set's images.
  static absl::StatusOr<std::unique_ptr<ImageLoader>> create(std::shared_ptr<const ImageDataset> dataset,
                                                             const ImageLoaderOptions& options);

  absl::Status start_epoch(int64_t epoch) override;

  // After an image that could not be read, that error, again and again until the next start_epoch().
  absl::StatusOr<std::optional<Batch>> next() override;

  int64_t num_batches() const override;
  int64_t num_samples() const override;
  int64_t batch_size() const override { return options_.batch_size; }

 private:
  ImageLoader(std::shared_ptr<const ImageDataset> dataset, const ImageLoaderOptions& options);

  // Images in the order of this epoch.
  std::vector<int64_t> order_of(int64_t epoch) const;

  // This shard's part of the batch of these images.
  absl::StatusOr<Batch> make_part(absl::Span<const int64_t> whole, const std::optional<AugmentationKey>& key) const;

  std::shared_ptr<const ImageDataset> dataset_;
  ImageLoaderOptions options_;
  ImageTransform transform_;
  std::vector<int64_t> subset_;
  // Last, so that its threads end before what they read is destroyed.
  BatchPrefetcher prefetcher_;
};

}  // namespace pare::data

#endif  // PARE_DATA_IMAGE_LOADER_H_
