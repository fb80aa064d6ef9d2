// data/dataset_factory.h: data sets by name, as a command line or a config gives it.
//
//   PARE_ASSIGN_OR_RETURN(auto test, make_dataset({.name = "cifar10", .dir = "cifar", .split = Split::kTest}));
//   PARE_ASSIGN_OR_RETURN(TransformOptions transform, default_transform("cifar10", test->shape()));
//
// name        dir holds                                     transform: mean / deviation; augmentation
// cifar10     CIFAR-10's binary files                       ImageNet's; shift by 4, mirroring
// images      train/<class>/*.png and test/ or val/,        ImageNet's (grey: 0.5 / 0.25); mirroring
//             or the classes themselves for both splits;
//             the classes are those of train/ where it is
// mnist       MNIST's IDX files                             0.1307 / 0.3081; shift by 2
// procedural  nothing: drawn from `seed`                    0.5 / 0.25; shift by 2, mirroring

#ifndef PARE_DATA_DATASET_FACTORY_H_
#define PARE_DATA_DATASET_FACTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/dataset.h"
#include "data/transforms.h"

namespace pare::data {

struct DatasetOptions {
  std::string name;
  std::string dir;
  Split split = Split::kTrain;
  // Of `images`: what each is scaled and cropped to.
  int64_t image_size = 224;
  int64_t channels = 3;
  // Of `procedural`; 0 images: 6000 for training, 2000 for testing.
  int64_t size = 0;
  uint64_t seed = 0;
};

// In alphabetical order.
std::vector<std::string> dataset_names();

// Errors: NotFound for an unknown name, with the known ones; those of the data set.
absl::StatusOr<std::unique_ptr<ImageDataset>> make_dataset(const DatasetOptions& options);

// What the table above says, for images of this shape. Errors: NotFound for an unknown name.
absl::StatusOr<TransformOptions> default_transform(const std::string& name, const ImageShape& shape);

}  // namespace pare::data

#endif  // PARE_DATA_DATASET_FACTORY_H_
