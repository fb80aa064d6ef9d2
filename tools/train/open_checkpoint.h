// tools/train/open_checkpoint.h: the compressed model of a checkpoint that run_training() has written: no config, and
// no network either, where the one that was compressed is still where it was.
//
//   PARE_ASSIGN_OR_RETURN(OpenedCheckpoint opened, open_checkpoint("out/best.checkpoint", ""));
//   opened.compression->model()->forward(...);

#ifndef PARE_TOOLS_TRAIN_OPEN_CHECKPOINT_H_
#define PARE_TOOLS_TRAIN_OPEN_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "nlohmann/json.hpp"

namespace pare::tools {

// Whether `name` ends in ".checkpoint", as the trainer's do.
bool is_checkpoint_name(const std::string& name);

struct OpenedCheckpoint {
  std::unique_ptr<CompressionAlgorithm> compression;  // its model: as it was trained, in evaluation mode, on the CPU
  std::vector<int64_t> input_shape;                   // batch first
  std::string network;                                // that was compressed: a file, or the name of a model of models/
};

// `network` takes the place of the one that the checkpoint names; empty: that one. Errors: those of
// training/compressed_model.h and of opening the network; InvalidArgument if the checkpoint names none, or if its file
// has gone: the message says what to give.
absl::StatusOr<OpenedCheckpoint> open_checkpoint(const std::string& path, const std::string& network);

// What a training puts into its checkpoints for it (TrainOptions::source).
struct NetworkSource {
  std::string model;     // as a TrainingJob has it
  std::string identity;  // model_identity()
  std::vector<int64_t> input_size;
  int64_t num_classes = 10;
};
nlohmann::json to_json(const NetworkSource& source);

}  // namespace pare::tools

#endif  // PARE_TOOLS_TRAIN_OPEN_CHECKPOINT_H_
