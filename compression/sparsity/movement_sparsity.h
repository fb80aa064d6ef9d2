// compression/sparsity/movement_sparsity.h: the method "movement_sparsity": which weights of linear layers are zero is
// learned from the direction in which training moves them; for transformers, down to whole heads and MLP units.
//
//   {"algorithm": "movement_sparsity",
//    "params": {"warmup_start_epoch": 1, "warmup_end_epoch": 4, "importance_regularization_factor": 0.01},
//    "sparse_structure_by_scopes": [{"mode": "block", "sparse_factors": [32, 32], "target_scopes": "{re}.*attn.*"},
//                                   {"mode": "per_dim", "axis": 0, "target_scopes": "{re}.*fc1"},
//                                   {"mode": "per_dim", "axis": 1, "target_scopes": "{re}.*fc2"}]}
//
// A linear layer in the scopes, of a weight [R, C], has importance scores, a parameter "<weight's
// name>.movement_scores" that starts at 0: one a weight (mode fine, the default), a block (block: sparse_factors [h, w]
// divide [R, C]), a row (per_dim, axis 0) or a column (axis 1). movement_mask.h has masks and gradients,
// movement_loss.h the loss. Biases are left alone. After each optimizer step, with p = (epochs - warmup_start_epoch) /
// (warmup_end_epoch - warmup_start_epoch), clipped to [0, 1] (NNCF's movement_sparsity; Sanh et al. 2020,
// arXiv:2005.07683, section 4):
//   threshold = final - (final - init) (1 - p)^power       factor = importance_regularization_factor (1 - (1 -
//   p)^power)
// While p is 0 nothing is masked and there is no loss, but the scores learn. When p is 1, the masks of the final
// threshold are resolved into structures (movement_structures.h) and stay: scores learn no more, the loss is off, and
// weights train on. The stage is UNCOMPRESSED while p is 0, FULLY_COMPRESSED from p = 1 on, PARTIALLY between.
//
// Keys: sparse_structure_by_scopes. params: warmup_start_epoch, warmup_end_epoch (fractions are fine) and
// importance_regularization_factor, all three required; init_importance_threshold (chosen at the first step of the
// warm-up: at the moment it is chosen it masks no more than 0.1 % of the weights; final at most; after so few steps
// that scores have hardly moved, the next may mask up to half: that is warned of), final_importance_threshold (0),
// power (3, from 1 to 10), steps_per_epoch (counted in the first epoch; required if warmup_start_epoch is below 1),
// enable_structured_masking (true where an entry has blocks, rows or columns, else false: a structure dies only if all
// its rows and columns are masked, which scores a weight hardly ever do, and all their zeros would come back).
//
// Not as in NNCF: a layer's mean in the loss is not multiplied by half its cell's size, so factors differ; biases have
// no scores; no share of a layer is kept against the threshold: a layer that loses all is warned of;
// enable_structured_masking is not true everywhere.

#ifndef PARE_COMPRESSION_SPARSITY_MOVEMENT_SPARSITY_H_
#define PARE_COMPRESSION_SPARSITY_MOVEMENT_SPARSITY_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/analysis/weighted_layers.h"
#include "compression/sparsity/movement_config.h"
#include "compression/sparsity/movement_loss.h"
#include "compression/sparsity/movement_mask.h"
#include "compression/sparsity/movement_structures.h"

namespace pare::sparsity {

class MovementSparsity : public CompressionAlgorithm {
 public:
  struct Layer {
    WeightedLayer layer;
    graph::Value* scores = nullptr;  // these three nullptr once it is folded
    graph::Value* mask = nullptr;    // what counts once it is frozen
    graph::Node* hook = nullptr;
    std::shared_ptr<MovementTransform> transform;

    // What the model computes with: the weight with its zeros, detached.
    at::Tensor sparse_weight() const;
  };

  static absl::StatusOr<std::unique_ptr<MovementSparsity>> create(std::shared_ptr<graph::Model> model,
                                                                  const AlgorithmConfig& config,
                                                                  const InputSize& input_size);

  CompressionLoss& loss() override { return *loss_; }
  CompressionScheduler& scheduler() override { return schedule_; }
  CompressionStage stage() const override;
  // "threshold" (from the first step of the warm-up on), "factor", "structures" and "dead_structures" (how many there
  // are and how many are zero), and sparsity_statistics.h's.
  Statistics statistics() const override;
  // The base's and "frozen", "init_threshold" (null: not chosen yet).
  nlohmann::json state() const override;
  // After the model's, graph::set_state(): frozen masks are its buffers, and what this brings up to date (a threshold
  // that is yet to be chosen, masks yet to be frozen) is made of its scores.
  absl::Status set_state(const nlohmann::json& state) override;
  ExportPhase export_phase() const override { return ExportPhase::kWeights; }
  absl::Status prepare_for_export() override;

  const std::vector<Layer>& layers() const { return layers_; }
  const MovementStructures& structures() const { return structures_; }
  bool is_frozen() const { return is_frozen_; }
  // MovementTransform::kKeepsAll before the warm-up.
  double threshold() const;

 private:
  MovementSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
                   MovementConfig settings, MovementStructures structures, std::vector<Layer> layers);
  // Brings thresholds, factor and masks to where the schedule is.
  void follow();
  void freeze();

  MovementConfig settings_;
  MovementStructures structures_;
  std::vector<Layer> layers_;
  std::unique_ptr<MovementLoss> loss_;
  MovementSchedule schedule_;
  std::optional<double> init_threshold_;
  bool is_frozen_ = false;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_MOVEMENT_SPARSITY_H_
