// acme/compression/gradual_rounding.h: the method "acme_gradual_rounding": weights glide to the levels of a quantizer.
//
//   {"algorithm": "acme_gradual_rounding", "bits": 3, "pull": 0.1,
//    "params": {"schedule": "acme_cosine", "ramp_epochs": 4}}
//
// A layer computes with (1 - level) w + level rounded(w), where the level is the schedule's, and rounded(w) is w at the
// nearest of 2^bits - 1 levels between the largest weight and its negative. In the exported file w is rounded(w).
// `pull` is the factor of losses/level_loss.h. Weights of two and more dimensions; biases stay as they are.

#ifndef ACME_COMPRESSION_GRADUAL_ROUNDING_H_
#define ACME_COMPRESSION_GRADUAL_ROUNDING_H_

#include <memory>

#include "acme/losses/level_loss.h"
#include "compression/algorithm.h"
#include "compression/level_stage.h"
#include "schedulers/level_schedule.h"

namespace acme {

class RoundingHook;  // what stands between a weight and its layer

class GradualRounding : public pare::CompressionAlgorithm {
 public:
  static absl::StatusOr<std::unique_ptr<GradualRounding>> create(std::shared_ptr<pare::graph::Model> model,
                                                                 const pare::AlgorithmConfig& config,
                                                                 const pare::InputSize& input_size);

  pare::CompressionLoss& loss() override { return loss_; }
  pare::CompressionScheduler& scheduler() override { return *schedule_; }
  pare::CompressionStage stage() const override { return pare::stage_of(*schedule_); }
  pare::ExportPhase export_phase() const override { return pare::ExportPhase::kWeights; }
  absl::Status prepare_for_export() override;

 private:
  GradualRounding(std::shared_ptr<pare::graph::Model> model, const pare::AlgorithmConfig& config,
                  const pare::InputSize& input_size, double pull, std::shared_ptr<RoundingHook> hook,
                  std::unique_ptr<pare::LevelSchedule> schedule);

  std::shared_ptr<RoundingHook> hook_;
  std::unique_ptr<pare::LevelSchedule> schedule_;
  LevelLoss loss_;
};

}  // namespace acme

#endif  // ACME_COMPRESSION_GRADUAL_ROUNDING_H_
