// data/mnist.h: MNIST and its relatives (Fashion-MNIST, KMNIST) in the IDX format, compressed with gzip or not.
//
//   PARE_ASSIGN_OR_RETURN(auto test, read_mnist({.dir = "mnist", .split = Split::kTest}));
//   // test->shape() == {1, 28, 28}, test->num_classes() == 10
//
// The files are {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, each with or without ".gz". An IDX
// file is a magic number (0x00000803 for images, 0x00000801 for labels), the dimensions (big-endian, 32 bits), then the
// bytes (http://yann.lecun.com/exdb/mnist). The image size is what the file says.

#ifndef PARE_DATA_MNIST_H_
#define PARE_DATA_MNIST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/dataset.h"

namespace pare::data {

struct MnistOptions {
  std::string dir;
  Split split = Split::kTrain;
};

// Errors, naming the file: NotFound (no folder, no file), InvalidArgument (a wrong magic number, dimensions of zero or
// beyond reason, fewer or more bytes than they say, broken compression, as many labels as images missing, a label
// above 9).
absl::StatusOr<std::unique_ptr<ImageDataset>> read_mnist(const MnistOptions& options);

// An IDX file of bytes with so many dimensions. Errors as above.
struct IdxFile {
  std::vector<int64_t> dimensions;
  std::vector<uint8_t> values;
};
absl::StatusOr<IdxFile> read_idx_file(const std::string& path, int num_dimensions);

}  // namespace pare::data

#endif  // PARE_DATA_MNIST_H_
