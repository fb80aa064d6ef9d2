// training/checkpoint.h: everything that a training needs to go on as if it had not stopped, as a file.
//
//   PARE_RETURN_IF_ERROR(save_checkpoint(checkpoint, "out/last.checkpoint"));
//   PARE_ASSIGN_OR_RETURN(Checkpoint checkpoint, load_checkpoint("out/last.checkpoint"));
//   PARE_RETURN_IF_ERROR(restore(checkpoint, algorithm));          // the model and its methods
//
// The file: the 8 bytes "PARECKPT", the format's version (uint32), the length of the rest (uint64), the FNV-1a hash
// (uint64) of all that is before and after it, all little-endian, then graph::serialize()'s container. These 28 bytes
// are the same in every version from 2 on, so that a flipped bit is told from another version. Written whole or not at
// all. To train on from the newest of several: training/checkpoint_folder.h; to use the model:
// training/compressed_model.h.

#ifndef PARE_TRAINING_CHECKPOINT_H_
#define PARE_TRAINING_CHECKPOINT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "graph/state.h"
#include "nlohmann/json.hpp"

namespace pare::training {

struct Checkpoint {
  graph::ModelState model;
  nlohmann::json algorithm;  // CompressionAlgorithm::state()
  CompressionAlgorithm::StateTensors algorithm_tensors;
  // What the methods are made from: {"config": CompressionConfig::source or null, "input_size": [[1, 3, 32, 32]]}.
  nlohmann::json compression;
  nlohmann::json source;    // TrainOptions::source: where the network before compression is from
  std::string optimizer;    // Optimizer::save_state(); empty: none
  at::Tensor random_state;  // of LibTorch's generator on the CPU; undefined: none
  // Of the generator of the model's device, where that is not the CPU; undefined: none.
  at::Tensor device_random_state;
  int64_t epoch = 0;           // the epoch to go on with, from 0
  int64_t steps_in_epoch = 0;  // how many of its steps are done
  int64_t global_step = 0;     // steps done since the start
  nlohmann::json config;       // what the training was started with
  nlohmann::json trainer;      // sums of the epoch so far, the best result: the trainer's own
  // What else the last bits depend on: {"pare": "0.1.0", "libtorch": "1.13.0", "threads": 2, "device": "cpu"}.
  nlohmann::json made_by;
};

// The version of the files that this program writes and reads.
inline constexpr uint32_t kCheckpointVersion = 2;

// The model and the methods of `algorithm` as they are now.
Checkpoint capture(const CompressionAlgorithm& algorithm);
// Puts them back. InvalidArgument if the checkpoint is of another model or of other methods; nothing is changed then
// but, where only the methods' part is refused, the model's tensors. Filters that were cut out then are cut out first.
absl::Status restore(const Checkpoint& checkpoint, CompressionAlgorithm& algorithm);

// A file's content, for those who send it elsewhere. `what` names it in errors, those of load_checkpoint().
absl::StatusOr<std::string> encode_checkpoint(const Checkpoint& checkpoint);
absl::StatusOr<Checkpoint> decode_checkpoint(const std::string& bytes, const std::string& what);

// What encode_checkpoint() makes of its payload, graph::serialize()'s container: the header before it.
std::string with_checkpoint_header(std::string_view payload);

// Errors of write_file_atomically.
absl::Status save_checkpoint(const Checkpoint& checkpoint, const std::string& path);
// NotFound; DataLoss if it is no checkpoint, truncated (with the sizes) or damaged; FailedPrecondition if it is whole,
// and of an older or a newer version of the format; InvalidArgument if its content is not what this version has;
// ResourceExhausted where there is no memory for it.
absl::StatusOr<Checkpoint> load_checkpoint(const std::string& path);

}  // namespace pare::training

#endif  // PARE_TRAINING_CHECKPOINT_H_
