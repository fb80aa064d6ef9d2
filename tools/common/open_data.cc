#include "tools/common/open_data.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "data/dataset_factory.h"

namespace pare::tools {

absl::StatusOr<std::shared_ptr<const data::ImageDataset>> open_dataset(const DataSource& source, data::Split split) {
  if (source.dir.empty() && source.name != "procedural") {
    return absl::InvalidArgumentError(absl::StrCat("the data set ", source.name, " needs a folder: --data_dir=DIR"));
  }
  if (source.image_size < 0) {
    return absl::InvalidArgumentError(absl::StrCat("the image size is ", source.image_size, ", expected 0 or more"));
  }
  data::DatasetOptions options{.name = source.name, .dir = source.dir, .split = split, .seed = source.seed};
  if (source.image_size > 0) options.image_size = source.image_size;
  PARE_ASSIGN_OR_RETURN(std::unique_ptr<data::ImageDataset> dataset, data::make_dataset(options));
  return dataset;
}

absl::StatusOr<std::unique_ptr<data::ImageLoader>> open_loader(const DataSource& source, data::Split split,
                                                               data::ImageLoaderOptions options) {
  PARE_ASSIGN_OR_RETURN(std::shared_ptr<const data::ImageDataset> dataset, open_dataset(source, split));
  return open_loader(std::move(dataset), source, std::move(options));
}

absl::StatusOr<std::unique_ptr<data::ImageLoader>> open_loader(std::shared_ptr<const data::ImageDataset> dataset,
                                                               const DataSource& source,
                                                               data::ImageLoaderOptions options) {
  PARE_ASSIGN_OR_RETURN(options.transform, data::default_transform(source.name, dataset->shape()));
  if (!source.mean.empty()) {
    options.transform.normalization = {.mean = {source.mean.begin(), source.mean.end()},
                                       .stddev = {source.stddev.begin(), source.stddev.end()}};
  }
  return data::ImageLoader::create(std::move(dataset), options);
}

}  // namespace pare::tools
