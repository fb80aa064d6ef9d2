// data/random_loader.h: batches of random numbers, to try a model out where there is no data set.
//
//   RandomLoaderOptions options;
//   options.inputs = {{.shape = {1, 3, 224, 224}}};                                         // normal, float32
//   options.inputs = {{.shape = {8, 128}, .kind = RandomInput::kIntegers, .high = 512}};    // token numbers, int64
//   PARE_ASSIGN_OR_RETURN(auto loader, RandomLoader::create(options));
//
// The first dimension of every shape is the batch. Batch b of epoch e is a function of (seed, e, b). Targets are drawn
// from 0 ... num_classes - 1: they mean nothing.

#ifndef PARE_DATA_RANDOM_LOADER_H_
#define PARE_DATA_RANDOM_LOADER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "data/data_loader.h"

namespace pare::data {

struct RandomInput {
  enum Kind {
    kNormal,    // float32, mean 0, deviation 1
    kUniform,   // float32, low ... high
    kIntegers,  // int64, low ... high - 1
  };
  std::vector<int64_t> shape;
  Kind kind = kNormal;
  double low = 0;
  double high = 1;
};

struct RandomLoaderOptions {
  std::vector<RandomInput> inputs;
  int64_t num_batches = 10;
  int64_t num_classes = 1;
  uint64_t seed = 0;
};

class RandomLoader : public DataLoader {
 public:
  // Errors: InvalidArgument for no inputs, a shape without dimensions or with one below 1, more than 2^31 values,
  // inputs that differ in their batch, low >= high, or counts below 1.
  static absl::StatusOr<std::unique_ptr<RandomLoader>> create(const RandomLoaderOptions& options);

  absl::Status start_epoch(int64_t epoch) override;
  absl::StatusOr<std::optional<Batch>> next() override;
  int64_t num_batches() const override { return options_.num_batches; }
  int64_t num_samples() const override { return num_batches() * batch_size(); }
  int64_t batch_size() const override { return options_.inputs.front().shape.front(); }

 private:
  explicit RandomLoader(const RandomLoaderOptions& options);

  RandomLoaderOptions options_;
  int64_t epoch_ = 0;
  int64_t given_;
};

}  // namespace pare::data

#endif  // PARE_DATA_RANDOM_LOADER_H_
