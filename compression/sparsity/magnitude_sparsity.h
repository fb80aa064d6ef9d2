// compression/sparsity/magnitude_sparsity.h: the method "magnitude_sparsity": the weights of least magnitude are zero,
// more of them as training goes on.
//
//   {"algorithm": "magnitude_sparsity", "sparsity_init": 0.1,
//    "params": {"schedule": "polynomial", "sparsity_target": 0.8, "sparsity_target_epoch": 10,
//               "sparsity_freeze_epoch": 15}}
//
//   importance    normed_abs (default): |w| / ||w||_2 of the layer; abs: |w|
//   threshold     the importance at index int((N - 1) level) of all N importances in order; at level 0 nothing is zero
//   mask          importance > threshold
// (Han et al. 2015, arXiv:1506.02626; Zhu and Gupta 2017, arXiv:1710.01878.) The mask is taken anew when the schedule
// moves: a weight that was zero goes on being kept behind its mask, and may come back. Convolutions, linear layers and
// embeddings in the scopes.
//
// Keys: sparsity_init (0). params: schedule (polynomial) and its keys (schedulers/registry.h, family "sparsity"),
// weight_importance (normed_abs | abs), sparsity_level_setting_mode (global: one threshold for all layers | local: each
// layer has the level).

#ifndef PARE_COMPRESSION_SPARSITY_MAGNITUDE_SPARSITY_H_
#define PARE_COMPRESSION_SPARSITY_MAGNITUDE_SPARSITY_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/level_stage.h"
#include "compression/sparsity/masked_layers.h"
#include "ops/order_statistics.h"
#include "schedulers/level_schedule.h"

namespace pare::sparsity {

class MagnitudeSparsity : public CompressionAlgorithm {
 public:
  static absl::StatusOr<std::unique_ptr<MagnitudeSparsity>> create(std::shared_ptr<graph::Model> model,
                                                                   const AlgorithmConfig& config,
                                                                   const InputSize& input_size);

  CompressionScheduler& scheduler() override { return *schedule_; }
  CompressionStage stage() const override { return stage_of(*schedule_); }
  // "level", "target_level", "threshold" (of the importances; local mode has one in each row instead), and
  // sparsity_statistics.h's.
  Statistics statistics() const override;
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;
  ExportPhase export_phase() const override { return ExportPhase::kWeights; }
  absl::Status prepare_for_export() override;
  // The schedule's level.
  absl::StatusOr<double> compression_rate() const override { return schedule_->level(); }
  absl::Status set_compression_rate(double rate) override { return hold_rate(*schedule_, rate, config()); }

  // Takes the masks anew for this level in [0, 1): what the schedule calls. Throws c10::Error for weights that are not
  // on the CPU.
  void set_level(double level);
  const std::vector<MaskedLayer>& layers() const { return layers_; }

 private:
  struct Settings {
    ops::Importance importance = ops::Importance::kNormedAbs;
    bool is_local = false;
  };

  MagnitudeSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
                    Settings settings, std::unique_ptr<LevelSchedule> schedule, std::vector<MaskedLayer> layers);

  Settings settings_;
  std::unique_ptr<LevelSchedule> schedule_;
  std::vector<MaskedLayer> layers_;
  double threshold_ = 0.0;  // the last one, of the last layer in local mode
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_MAGNITUDE_SPARSITY_H_
