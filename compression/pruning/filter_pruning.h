// compression/pruning/filter_pruning.h: the method "filter_pruning": whole filters go, and in the end are really gone.
//
//   {"algorithm": "filter_pruning", "params": {"schedule": "exponential", "pruning_target": 0.4, "pruning_steps": 10}}
//
//   PARE_RETURN_IF_ERROR(trainer.run().status());
//   PARE_RETURN_IF_ERROR(algorithm->export_model("small.onnx"));       // without the filters: smaller and faster
//
// What can go are units (pruning_units.h): a filter with everything that flows from it, coupled by residual
// connections, depthwise convolutions, concatenations and the like; attention heads; rows of linear layers. In the
// order of their importance (importance.h) so many are masked (filter_masks.h) as the schedule's level says
// (unit_selection.h): a share of the units, or of the FLOPs with pruning_flops_target. Masks are taken anew when the
// schedule moves, and stay once it is frozen; a unit that was masked may come back until then. For export, or before by
// remove_pruned_channels(), the masked channels are cut out (channel_removal.h); the outputs stay the same but for
// rounding.
//
// interlayer_ranking_type "learned_ranking" finds by training how layers compare (ranking_search.h): in initialize().
// Keys: filter_pruning_config.h.

#ifndef PARE_COMPRESSION_PRUNING_FILTER_PRUNING_H_
#define PARE_COMPRESSION_PRUNING_FILTER_PRUNING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/pruning/filter_masks.h"
#include "compression/pruning/filter_pruning_config.h"
#include "compression/pruning/pruning_cost.h"
#include "compression/pruning/pruning_units.h"
#include "compression/pruning/unit_selection.h"

namespace pare::pruning {

class FilterPruning : public CompressionAlgorithm {
 public:
  // Errors: InvalidArgument for a mistake in the config, if there is nothing to prune, and if pruning_flops_target
  // cannot be reached (the message says what can).
  static absl::StatusOr<std::unique_ptr<FilterPruning>> create(std::shared_ptr<graph::Model> model,
                                                               const AlgorithmConfig& config,
                                                               const InputSize& input_size);
  ~FilterPruning() override;

  CompressionScheduler& scheduler() override { return *settings_.schedule; }
  CompressionStage stage() const override;
  // "level" (the schedule's), "target_level", "target_is_of" ("filters" or "flops"), and pruning_statistics.h's.
  Statistics statistics() const override;
  absl::Status distributed(const std::shared_ptr<ProcessGroup>& process_group) override;
  // Learns the ranking if the config asks for it.
  absl::Status initialize(data::DataLoader& data_loader) override;
  // The learned coefficients as well, and "cut": the units that are gone, once they are cut out.
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;
  // Cuts out the units that were gone then. FailedPrecondition if the model has lost others already.
  absl::Status prepare_for_state(const nlohmann::json& state) override;

  ExportPhase export_phase() const override { return ExportPhase::kStructure; }
  absl::Status prepare_for_export() override;
  // The schedule's level: of the units, or of the FLOPs with pruning_flops_target. Setting it is FailedPrecondition
  // once the filters are cut out.
  absl::StatusOr<double> compression_rate() const override { return settings_.schedule->level(); }
  absl::Status set_compression_rate(double rate) override;

  // Cuts the masked channels out of the model, which goes on training without them, in fewer numbers: parameters become
  // other tensors (channel_removal.h says what that asks for). A checkpoint of after fits a model that still has them,
  // which loses them then; one of before does not fit any more. Again is fine. Errors: FailedPrecondition while the
  // schedule has not come to its target yet; those of remove_channels().
  absl::Status remove_pruned_channels();
  bool is_cut() const { return cut_.has_value(); }

  // Takes the masks anew for this level in [0, 1): what the schedule calls. Errors: a level of FLOPs out of reach.
  absl::Status set_level(double level);
  // The units that are masked, or gone. Errors: masks of a damaged checkpoint.
  absl::StatusOr<RemovedUnits> removed() const;

  const PruningUnits& units() const { return units_; }
  const FilterMasks& masks() const { return masks_; }
  const PruningCost& cost() const { return cost_; }
  const std::vector<RankingCoefficients>& ranking() const { return settings_.importance.coefficients; }

 private:
  FilterPruning(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
                FilterPruningConfig settings, PruningUnits units, PruningCost cost, FilterMasks masks);
  absl::StatusOr<RemovedUnits> select(const std::vector<double>& importances, double level) const;
  absl::Status check_reach(double level) const;
  absl::Status cut_channels();
  std::vector<std::string> layer_names() const;

  std::shared_ptr<ProcessGroup> process_group_;
  FilterPruningConfig settings_;
  PruningUnits units_;
  PruningCost cost_;
  FilterMasks masks_;
  UnitSelection selection_;
  std::optional<RemovedUnits> cut_;
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_FILTER_PRUNING_H_
