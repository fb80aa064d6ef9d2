#include "compression/sparsity/movement_config.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "config/object_reader.h"

namespace pare::sparsity {
namespace {

constexpr double kMostEpochs = 1e9;

bool names(const ScopeSet& scopes, const WeightedLayer& layer) {
  return std::any_of(layer.operators.begin(), layer.operators.end(),
                     [&](const graph::Node* node) { return scopes.matches(*node); });
}

void require(config::ObjectReader& reader, const std::string& key, const std::string& what) {
  if (!reader.has(key)) reader.fail(key, absl::StrCat("missing; ", what));
}

void read_params(config::ObjectReader& params, MovementConfig& config) {
  // The only one that there is; NNCF's configs may name it.
  params.one_of("schedule", "threshold_polynomial_decay", {"threshold_polynomial_decay"});
  require(params, "warmup_start_epoch", "expected the epoch, from 0, at which weights start to go");
  require(params, "warmup_end_epoch", "expected the epoch from which the masks stay as they are");
  require(params, "importance_regularization_factor",
          "expected the strength of the loss, a number of at least 0; the greater, the sparser");
  config.warmup_start_epoch = params.number("warmup_start_epoch", 0, {.min = 0, .max = kMostEpochs});
  config.warmup_end_epoch = params.number("warmup_end_epoch", 1, {.min = 0, .max = kMostEpochs});
  config.factor = params.number("importance_regularization_factor", 0, {.min = 0});
  // Below 1 most of the way would be gone in the last steps, far above 10 in the first.
  config.power = params.number("power", 3, {.min = 1, .max = 10});
  config.init_threshold = params.optional_number("init_importance_threshold");
  config.final_threshold = params.number("final_importance_threshold", 0);
  config.steps_per_epoch = params.optional_integer("steps_per_epoch", {.min = 1, .max = 1e15}).value_or(0);
  if (config.warmup_end_epoch <= config.warmup_start_epoch) {
    params.fail("warmup_end_epoch", absl::StrCat("expected an epoch after warmup_start_epoch, ",
                                                 config.warmup_start_epoch, ", found ", config.warmup_end_epoch));
  }
  if (config.warmup_start_epoch < 1 && config.steps_per_epoch == 0) {
    params.fail("steps_per_epoch",
                "missing; where warmup_start_epoch is below 1 the steps of an epoch cannot be counted before they are "
                "needed: give steps_per_epoch, or start at 1 or later");
  }
  if (params.ok() && config.init_threshold.value_or(config.final_threshold) > config.final_threshold) {
    log_warning(absl::StrCat(params.path(), ": init_importance_threshold, ", *config.init_threshold,
                             ", is above final_importance_threshold, ", config.final_threshold,
                             ": masked weights will come back in the course of the warm-up"));
  }
}

absl::StatusOr<MovementConfig::Structure> read_structure(const nlohmann::json* json, const std::string& path) {
  config::ObjectReader reader(json, path);
  MovementConfig::Structure structure{.path = path};
  const std::string mode = reader.one_of("mode", "fine", {"fine", "block", "per_dim"});
  const bool is_block = mode == "block", is_per_dim = mode == "per_dim";
  if (is_block) require(reader, "sparse_factors", "mode \"block\" needs the block's shape: [rows, columns]");
  if (is_per_dim) require(reader, "axis", "mode \"per_dim\" needs 0, a score a row, or 1, a score a column");
  require(reader, "target_scopes", "expected the layers that the entry is for: a scope or a list of scopes");
  const std::vector<int64_t> factors = reader.integers("sparse_factors", {1, 1}, {.min = 1, .max = 1e15});
  const std::optional<int64_t> axis = reader.optional_integer("axis", {.min = 0, .max = 1});
  const std::vector<std::string> scopes = reader.strings("target_scopes");
  if (factors.size() != 2) {
    reader.fail("sparse_factors",
                absl::StrCat("expected two numbers, [rows, columns], found [", absl::StrJoin(factors, ", "), "]"));
  } else if (!is_block && factors != std::vector<int64_t>{1, 1}) {
    reader.fail("sparse_factors", absl::StrCat("is for mode \"block\", and the mode is \"", mode, "\"; leave it out"));
  } else {
    structure.cell = {factors[0], factors[1]};
  }
  if (!is_per_dim && axis.has_value()) {
    reader.fail("axis", absl::StrCat("is for mode \"per_dim\", and the mode is \"", mode, "\"; leave it out"));
  }
  structure.axis = axis.value_or(-1);
  PARE_RETURN_IF_ERROR(reader.finish());
  PARE_ASSIGN_OR_RETURN(structure.scopes, ScopeSet::create(scopes, absl::StrCat(path, ".target_scopes")));
  return structure;
}

}  // namespace

absl::StatusOr<MovementConfig> MovementConfig::parse(const AlgorithmConfig& config, const graph::Graph& graph) {
  MovementConfig settings;
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  const auto structures = reader.objects("sparse_structure_by_scopes");
  config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  PARE_RETURN_IF_ERROR(reader.finish());
  read_params(params, settings);
  const std::optional<bool> resolves_structures = params.optional_boolean("enable_structured_masking");
  PARE_RETURN_IF_ERROR(params.finish());
  for (const auto& [json, path] : structures) {
    PARE_ASSIGN_OR_RETURN(Structure structure, read_structure(json, path));
    if (config.validate_scopes) {
      PARE_RETURN_IF_ERROR(structure.scopes.check_all_match(graph));
    }
    settings.structures.push_back(std::move(structure));
  }
  // Where each weight has its own score, hardly a whole row is ever masked: resolving would give all zeros back.
  const bool has_coarse_cells =
      std::any_of(settings.structures.begin(), settings.structures.end(), [](const Structure& structure) {
        return structure.axis >= 0 || structure.cell.rows > 1 || structure.cell.columns > 1;
      });
  settings.resolves_structures = resolves_structures.value_or(has_coarse_cells);
  return settings;
}

absl::StatusOr<Cell> MovementConfig::cell_of(const WeightedLayer& layer) const {
  const Structure* found = nullptr;
  for (const Structure& structure : structures) {
    if (!names(structure.scopes, layer)) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(structure.path, ": names the layer ", layer.name, ", which ",
                                                     found->path,
                                                     " names, too; a layer has one sparse structure: make "
                                                     "the target_scopes disjoint"));
    }
    found = &structure;
  }
  if (found == nullptr) return Cell();
  const at::Tensor& weight = layer.weight->tensor();
  const int64_t rows = weight.size(0), columns = weight.size(1);
  if (found->axis == 0) return Cell{1, columns};
  if (found->axis == 1) return Cell{rows, 1};
  if (rows % found->cell.rows != 0 || columns % found->cell.columns != 0) {
    return absl::InvalidArgumentError(absl::StrCat(found->path, ".sparse_factors: blocks of [", found->cell.rows, ", ",
                                                   found->cell.columns, "] do not divide the weight [", rows, ", ",
                                                   columns, "] of the layer ", layer.name,
                                                   "; give factors of both sizes, or leave the layer out of "
                                                   "target_scopes, and it is sparsified weight by weight"));
  }
  return found->cell;
}

absl::Status MovementConfig::check_all_used(const std::vector<WeightedLayer>& layers) const {
  for (const Structure& structure : structures) {
    const bool is_used = std::any_of(layers.begin(), layers.end(),
                                     [&](const WeightedLayer& layer) { return names(structure.scopes, layer); });
    if (is_used) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(structure.path,
                     ".target_scopes: names none of the layers that the method works on, which are the "
                     "linear ones in its scopes; correct it or take the entry out"));
  }
  return absl::OkStatus();
}

MovementSchedule::MovementSchedule(const MovementConfig& config)
    : LevelSchedule({.freeze_epoch = static_cast<int64_t>(std::ceil(config.warmup_end_epoch)),
                     .update_per_step = true,
                     .steps_per_epoch = config.steps_per_epoch}),
      start_(config.warmup_start_epoch),
      end_(config.warmup_end_epoch),
      power_(config.power) {}

double MovementSchedule::progress_at(double epochs) const {
  const double p = std::clamp((epochs - start_) / (end_ - start_), 0.0, 1.0);
  // A step's position is a sum of fractions, which may fall a rounding short of the end.
  return p > 1 - 1e-9 ? 1.0 : p;
}

double MovementSchedule::level_at(double epochs) const { return 1 - std::pow(1 - progress_at(epochs), power_); }

bool MovementSchedule::is_over() const { return held().has_value() ? *held() >= 1 : progress_at(position()) >= 1; }

}  // namespace pare::sparsity
