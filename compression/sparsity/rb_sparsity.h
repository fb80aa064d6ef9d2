// compression/sparsity/rb_sparsity.h: the method "rb_sparsity", regularization-based: which weights are zero is
// learned, and a loss pulls their share to the schedule's level.
//
//   {"algorithm": "rb_sparsity", "sparsity_init": 0.05, "compression_lr_multiplier": 1,
//    "params": {"schedule": "exponential", "sparsity_target": 0.5, "sparsity_target_epoch": 10,
//               "sparsity_freeze_epoch": 15}}
//
// Each weight has a logit, a parameter "<weight's name>.rb_logits" that starts at logit(0.99) (ops/rb_mask.h has the
// masks, rb_loss.h the loss). From sparsity_freeze_epoch on the masks are the likeliest ones, learn no more, and the
// loss is off. A loss of this kind pushes every logit by the same small amount: train with Adam, or with a
// compression_lr_multiplier that is large for SGD. Convolutions, linear layers and embeddings in the scopes.
//
// Keys: sparsity_init (0). params: schedule (exponential) and its keys, sparsity_level_setting_mode (global | local:
// each layer to the level), seed (0) of the masks, from 0 on.

#ifndef PARE_COMPRESSION_SPARSITY_RB_SPARSITY_H_
#define PARE_COMPRESSION_SPARSITY_RB_SPARSITY_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/analysis/weighted_layers.h"
#include "compression/level_stage.h"
#include "compression/sparsity/rb_loss.h"
#include "compression/sparsity/rb_transform.h"
#include "schedulers/level_schedule.h"

namespace pare::sparsity {

class RbSparsity : public CompressionAlgorithm {
 public:
  struct Layer {
    WeightedLayer layer;
    graph::Value* logits = nullptr;  // nullptr once it is folded
    graph::Node* hook = nullptr;
    std::shared_ptr<RbTransform> transform;
  };

  static absl::StatusOr<std::unique_ptr<RbSparsity>> create(std::shared_ptr<graph::Model> model,
                                                            const AlgorithmConfig& config, const InputSize& input_size);

  CompressionLoss& loss() override { return *loss_; }
  CompressionScheduler& scheduler() override { return *schedule_; }
  CompressionStage stage() const override;
  // "level", "target_level" and sparsity_statistics.h's.
  Statistics statistics() const override;
  absl::Status set_state(const nlohmann::json& state) override;
  ExportPhase export_phase() const override { return ExportPhase::kWeights; }
  absl::Status prepare_for_export() override;
  // A held level, which the masks learn in the epochs after it is set: stage() says when they have. By the schedule, no
  // more than they have learned: they may be frozen before they reach its level.
  absl::StatusOr<double> compression_rate() const override {
    const double level = schedule_->level();
    return schedule_->held() ? level : std::min(level, loss_->current_sparsity());
  }
  absl::Status set_compression_rate(double rate) override { return hold_rate(*schedule_, rate, config()); }

  const std::vector<Layer>& layers() const { return layers_; }

 private:
  RbSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
             bool is_local, std::vector<Layer> layers);
  void follow(const LevelSchedule& schedule);

  std::vector<Layer> layers_;
  std::unique_ptr<RbLoss> loss_;
  std::unique_ptr<LevelSchedule> schedule_;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_RB_SPARSITY_H_
