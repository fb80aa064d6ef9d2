// compression/sparsity/movement_config.h: what the method "movement_sparsity" reads from its config, and its schedule.
//
//   PARE_ASSIGN_OR_RETURN(const MovementConfig settings, MovementConfig::parse(config, graph));
//   PARE_ASSIGN_OR_RETURN(const Cell cell, settings.cell_of(layer));
//   MovementSchedule schedule(settings);
//
// The keys and what they mean: movement_sparsity.h.

#ifndef PARE_COMPRESSION_SPARSITY_MOVEMENT_CONFIG_H_
#define PARE_COMPRESSION_SPARSITY_MOVEMENT_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/analysis/weighted_layers.h"
#include "compression/scopes.h"
#include "compression/sparsity/movement_mask.h"
#include "config/compression_config.h"
#include "graph/graph.h"
#include "schedulers/level_schedule.h"

namespace pare::sparsity {

struct MovementConfig {
  // One entry of sparse_structure_by_scopes.
  struct Structure {
    std::string path;   // "$.compression.sparse_structure_by_scopes[0]"
    Cell cell;          // fine and block
    int64_t axis = -1;  // per_dim: 0 a score a row, 1 a column
    ScopeSet scopes;
  };

  double warmup_start_epoch = 0, warmup_end_epoch = 1;
  double factor = 0;
  double power = 3;
  std::optional<double> init_threshold;
  double final_threshold = 0;
  int64_t steps_per_epoch = 0;  // 0: counted in the first epoch
  bool resolves_structures = false;
  std::vector<Structure> structures;

  // `graph`: that scopes which match nothing in it are found, unless validate_scopes is false.
  static absl::StatusOr<MovementConfig> parse(const AlgorithmConfig& config, const graph::Graph& graph);

  // InvalidArgument, naming the layer and the shapes, if two entries name it or a block does not divide its weight.
  absl::StatusOr<Cell> cell_of(const WeightedLayer& layer) const;
  // InvalidArgument for an entry that names none of these layers: it would do nothing.
  absl::Status check_all_used(const std::vector<WeightedLayer>& layers) const;
};

// level = 1 - (1 - p)^power, p = (epochs - warmup_start) / (warmup_end - warmup_start) clipped to [0, 1]: what
// threshold and factor go by, after each optimizer step.
class MovementSchedule : public LevelSchedule {
 public:
  explicit MovementSchedule(const MovementConfig& config);
  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return freeze_epoch(); }
  // Whether p is 1. Not by the level: of a great power it rounds to 1 before.
  bool is_over() const;

 private:
  double progress_at(double epochs) const;  // p

  double start_, end_, power_;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_MOVEMENT_CONFIG_H_
