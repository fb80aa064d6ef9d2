#include "compression/pruning/filter_pruning_config.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "config/object_reader.h"
#include "schedulers/pruning_options.h"
#include "schedulers/registry.h"

namespace pare::pruning {
namespace {

FilterNorm read_norm(config::ObjectReader& params) {
  const std::string name = params.one_of("filter_importance", "L2", {"L2", "L1", "geometric_median"});
  if (name == "L1") return FilterNorm::kL1;
  return name == "L2" ? FilterNorm::kL2 : FilterNorm::kGeometricMedian;
}

absl::Status read_search(config::ObjectReader& params, FilterPruningConfig& settings) {
  settings.save_ranking_path = params.string("save_ranking_coeffs_path", "");
  settings.load_ranking_path = params.string("load_ranking_coeffs_path", "");
  config::ObjectReader legr(params.object("legr_params"), params.path_of("legr_params"));
  RankingSearchOptions& search = settings.search;
  search.generations = legr.integer("generations", search.generations, {.min = 1, .max = 1e6});
  search.population = legr.integer("population", search.population, {.min = 1, .max = 1e6});
  search.sample = legr.integer("sample", search.sample, {.min = 1, .max = 1e6});
  search.mutation = legr.number("mutation", search.mutation, {.min = 0, .max = 1});
  search.seed = static_cast<uint64_t>(legr.integer("random_seed", 42, {.min = 0, .max = 1e15}));
  settings.search_train_steps = legr.integer("train_steps", settings.search_train_steps, {.min = 0, .max = 1e6});
  settings.search_max_pruning = legr.number("max_pruning", settings.search_max_pruning, {.min = 0, .max = 1});
  settings.search_learning_rate = legr.number("learning_rate", settings.search_learning_rate, {.min = 0, .max = 1e3});
  if (search.sample > search.population) legr.fail("sample", "is more than the population that it is drawn from");
  if (settings.search_max_pruning >= 1) legr.fail("max_pruning", "expected a number below 1: something must be left");
  return legr.finish();
}

}  // namespace

absl::StatusOr<FilterPruningConfig> FilterPruningConfig::parse(const AlgorithmConfig& config) {
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  const double initial = reader.number("pruning_init", 0.0, {.min = 0, .max = 1});
  if (reader.object("initializer") != nullptr) {
    log_warning(absl::StrCat(reader.path_of("initializer"),
                             " is accepted and has no effect: batch norms adapt to the masks in training"));
  }
  config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  PARE_RETURN_IF_ERROR(reader.finish());

  FilterPruningConfig settings;
  PARE_ASSIGN_OR_RETURN(settings.schedule, make_level_schedule("pruning", "exponential", params, {.initial = initial}));
  const PruningOptions options = read_pruning_options(params, initial);
  settings.target = options.target;
  settings.target_is_flops = options.target_is_flops;
  settings.importance.norm = read_norm(params);
  settings.learns_ranking = params.one_of("interlayer_ranking_type", "unweighted_ranking",
                                          {"unweighted_ranking", "learned_ranking"}) == "learned_ranking";
  // Coefficients a layer only tell layers apart where all are ranked together.
  const bool is_global = params.boolean("all_weights", false) || settings.learns_ranking;
  settings.selection.is_global = is_global;
  settings.importance.is_normalised = is_global;
  settings.selection.round_to = params.integer("round_to", settings.selection.round_to, {.min = 1, .max = 65536});
  settings.layers.prune_first_conv = params.boolean("prune_first_conv", false);
  settings.layers.prune_downsample_convs = params.boolean("prune_downsample_convs", false);
  settings.layers.prune_linear = params.boolean("prune_linear", true);
  settings.labels.masks_batch_norms = params.boolean("prune_batch_norms", true);
  params.boolean("zero_grad", true);
  PARE_RETURN_IF_ERROR(read_search(params, settings));
  PARE_RETURN_IF_ERROR(params.finish());
  return settings;
}

}  // namespace pare::pruning
