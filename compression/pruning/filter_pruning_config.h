// compression/pruning/filter_pruning_config.h: the keys of the method "filter_pruning".
//
//   {"algorithm": "filter_pruning", "pruning_init": 0.1,
//    "params": {"schedule": "exponential", "pruning_target": 0.4, "pruning_steps": 10, "filter_importance": "L2"}}
//
// Beside the algorithm: pruning_init (0), initializer (read and without effect). In params:
//   schedule (exponential | baseline | exponential_with_bias) and its keys: pruning_target (0.5) or
//     pruning_flops_target, num_init_steps (0), pruning_steps (100)
//   filter_importance (L2 | L1 | geometric_median)
//   interlayer_ranking_type (unweighted_ranking | learned_ranking), all_weights (false): one ranking over all layers
//   prune_first_conv (false), prune_downsample_convs (false), prune_batch_norms (true), prune_linear (true)
//   round_to (8): the channels that a cluster keeps are a multiple of it; 1: any number
//   zero_grad: read and without effect, the gradients of what is masked are always zero
//   legr_params: generations (400), train_steps (200), max_pruning (0.8), random_seed (42), population (64), sample
//   (16),
//     mutation (0.1), learning_rate (0.01); save_ranking_coeffs_path, load_ranking_coeffs_path

#ifndef PARE_COMPRESSION_PRUNING_FILTER_PRUNING_CONFIG_H_
#define PARE_COMPRESSION_PRUNING_FILTER_PRUNING_CONFIG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "compression/pruning/channel_labels.h"
#include "compression/pruning/importance.h"
#include "compression/pruning/pruning_units.h"
#include "compression/pruning/ranking_search.h"
#include "compression/pruning/unit_selection.h"
#include "config/compression_config.h"
#include "schedulers/level_schedule.h"

namespace pare::pruning {

struct FilterPruningConfig {
  std::unique_ptr<LevelSchedule> schedule;
  double target = 0.5;
  bool target_is_flops = false;
  ImportanceOptions importance;
  SelectionOptions selection;
  LayerOptions layers;
  LabelOptions labels;

  bool learns_ranking = false;
  RankingSearchOptions search;
  int64_t search_train_steps = 200;
  double search_learning_rate = 0.01;
  double search_max_pruning = 0.8;
  std::string save_ranking_path, load_ranking_path;

  static absl::StatusOr<FilterPruningConfig> parse(const AlgorithmConfig& config);
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_FILTER_PRUNING_CONFIG_H_
