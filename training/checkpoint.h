// training/checkpoint.h: everything that a training needs to go on as if it had not stopped, as a file.
//
//   PARE_RETURN_IF_ERROR(save_checkpoint(checkpoint, "out/last.checkpoint"));
//   PARE_ASSIGN_OR_RETURN(Checkpoint checkpoint, load_checkpoint("out/last.checkpoint"));
//   PARE_RETURN_IF_ERROR(restore(checkpoint, algorithm));          // the model and its methods
//
// The file: the 8 bytes "PARECKPT", the format's version (uint32), the length of the rest (uint64) and its FNV-1a hash
// (uint64), all little-endian, then graph::serialize()'s container. It is written whole or not at all.

#ifndef PARE_TRAINING_CHECKPOINT_H_
#define PARE_TRAINING_CHECKPOINT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "graph/state.h"
#include "nlohmann/json.hpp"

namespace pare::training {

struct Checkpoint {
  graph::ModelState model;
  nlohmann::json algorithm;  // CompressionAlgorithm::state()
  std::string optimizer;     // Optimizer::save_state(); empty: none
  at::Tensor random_state;   // of LibTorch's generator on the CPU; undefined: none
  // Of the generator of the model's device, where that is not the CPU; undefined: none.
  at::Tensor device_random_state;
  int64_t epoch = 0;           // the epoch to go on with, from 0
  int64_t steps_in_epoch = 0;  // how many of its steps are done
  int64_t global_step = 0;     // steps done since the start
  nlohmann::json config;       // what the training was started with
  nlohmann::json trainer;      // sums of the epoch so far, the best result: the trainer's own
};

// The model and the methods of `algorithm` as they are now.
Checkpoint capture(const CompressionAlgorithm& algorithm);
// Puts them back. InvalidArgument if the checkpoint is of another model or of other methods; nothing is changed then
// but, where only the methods' part is refused, the model's tensors.
absl::Status restore(const Checkpoint& checkpoint, CompressionAlgorithm& algorithm);

// A file's content, for those who send it elsewhere. `what` names it in errors, those of load_checkpoint().
absl::StatusOr<std::string> encode_checkpoint(const Checkpoint& checkpoint);
absl::StatusOr<Checkpoint> decode_checkpoint(const std::string& bytes, const std::string& what);

// Errors of write_file_atomically.
absl::Status save_checkpoint(const Checkpoint& checkpoint, const std::string& path);
// NotFound; InvalidArgument if it is no checkpoint, of a newer version, truncated (with the sizes) or damaged.
absl::StatusOr<Checkpoint> load_checkpoint(const std::string& path);

}  // namespace pare::training

#endif  // PARE_TRAINING_CHECKPOINT_H_
