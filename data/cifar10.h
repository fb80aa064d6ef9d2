// data/cifar10.h: CIFAR-10 in its binary format.
//
//   PARE_ASSIGN_OR_RETURN(auto train, read_cifar10({.dir = "cifar-10-batches-bin", .split = Split::kTrain}));
//   // train->shape() == {3, 32, 32}, train->num_classes() == 10
//
// A file is 10,000 records of 3,073 bytes: the label (0 ... 9), then 1,024 bytes each of red, green and blue, row by
// row (https://www.cs.toronto.edu/~kriz/cifar.html). The test split is test_batch.bin. The train split is those of
// data_batch_1.bin ... data_batch_5.bin that are there, in this order; a warning names those
// that are missing. `dir` is the folder of the files, or the one that holds the archive's folder cifar-10-batches-bin.

#ifndef PARE_DATA_CIFAR10_H_
#define PARE_DATA_CIFAR10_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "data/dataset.h"

namespace pare::data {

struct Cifar10Options {
  std::string dir;
  Split split = Split::kTrain;
  // Of each file; another number than the official one is for excerpts.
  int64_t images_per_file = 10000;
};

// Errors: NotFound (no folder, no file), InvalidArgument (a file too short or too long, with the byte counts expected
// and found; a label above 9), naming the file.
absl::StatusOr<std::unique_ptr<ImageDataset>> read_cifar10(const Cifar10Options& options);

}  // namespace pare::data

#endif  // PARE_DATA_CIFAR10_H_
