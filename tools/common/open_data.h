// tools/common/open_data.h: a loader over a data set by its name.
//
//   PARE_ASSIGN_OR_RETURN(auto loader, open_loader({.name = "cifar10", .dir = "data"}, data::Split::kTest, {}));

#ifndef PARE_TOOLS_COMMON_OPEN_DATA_H_
#define PARE_TOOLS_COMMON_OPEN_DATA_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/dataset.h"
#include "data/image_loader.h"

namespace pare::tools {

struct DataSource {
  std::string name;  // cifar10 | images | mnist | procedural
  std::string dir;
  std::vector<double> mean, stddev;  // per channel; empty: the data set's usual ones
  int64_t image_size = 0;            // images: the side that they are brought to; 0: 224
  uint64_t seed = 0;                 // procedural: what is drawn
};

absl::StatusOr<std::shared_ptr<const data::ImageDataset>> open_dataset(const DataSource& source, data::Split split);

// `options.transform` is filled in: the data set's usual one (data/dataset_factory.h), with the source's own mean and
// deviation if it has them.
absl::StatusOr<std::unique_ptr<data::ImageLoader>> open_loader(const DataSource& source, data::Split split,
                                                               data::ImageLoaderOptions options);
// Over the source's data set, opened before.
absl::StatusOr<std::unique_ptr<data::ImageLoader>> open_loader(std::shared_ptr<const data::ImageDataset> dataset,
                                                               const DataSource& source,
                                                               data::ImageLoaderOptions options);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_OPEN_DATA_H_
