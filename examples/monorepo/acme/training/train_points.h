// acme/training/train_points.h: trains a small network on points with the compression of a config, and writes it.
//
//   PARE_ASSIGN_OR_RETURN(auto config, pare::CompressionConfig::load("gradual_rounding.json"));
//   PARE_ASSIGN_OR_RETURN(TrainedPoints trained, train_points(config, {.epochs = 8, .output = "points.pt"}));

#ifndef ACME_TRAINING_TRAIN_POINTS_H_
#define ACME_TRAINING_TRAIN_POINTS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/compression_config.h"
#include "graph/model.h"
#include "training/trainer.h"

namespace acme {

struct TrainPointsOptions {
  int64_t epochs = 8;
  std::string output;  // a TorchScript file: its name ends in .pt
};

struct TrainedPoints {
  pare::training::TrainResult result;
  std::shared_ptr<pare::graph::Model> model;  // as it was exported
};

absl::StatusOr<TrainedPoints> train_points(const pare::CompressionConfig& config, const TrainPointsOptions& options);

}  // namespace acme

#endif  // ACME_TRAINING_TRAIN_POINTS_H_
