#include "compression/pruning/filter_pruning.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/level_stage.h"
#include "compression/pruning/channel_removal.h"
#include "compression/pruning/pruning_statistics.h"
#include "compression/pruning/ranking_training.h"
#include "nlohmann/json.hpp"

namespace pare::pruning {
namespace {

constexpr char kRanking[] = "ranking";
constexpr char kCut[] = "cut";

// Of a checkpoint: the numbers of the units that are cut out, rising.
absl::StatusOr<RemovedUnits> read_cut(const nlohmann::json& kept, size_t num_units) {
  RemovedUnits removed(num_units, false);
  const auto is_unit = [&](const nlohmann::json& each) { return each.is_number_unsigned() && each < num_units; };
  if (!kept.is_array() || !std::all_of(kept.begin(), kept.end(), is_unit)) {
    return absl::InvalidArgumentError(absl::StrCat("the state of filter pruning: expected under \"", kCut,
                                                   "\" numbers of units below ", num_units,
                                                   "; the checkpoint is damaged or of another model"));
  }
  for (const nlohmann::json& each : kept) removed[each.get<size_t>()] = true;
  return removed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FilterPruning>> FilterPruning::create(std::shared_ptr<graph::Model> model,
                                                                     const AlgorithmConfig& config,
                                                                     const InputSize& input_size) {
  PARE_ASSIGN_OR_RETURN(FilterPruningConfig settings, FilterPruningConfig::parse(config));
  PARE_ASSIGN_OR_RETURN(const ChannelLabels labels, ChannelLabels::analyze(*model, input_size, settings.labels));
  PARE_ASSIGN_OR_RETURN(PruningUnits units, PruningUnits::find(model->graph(), labels, config, settings.layers));
  PARE_ASSIGN_OR_RETURN(PruningCost cost, PruningCost::create(*model, labels, units, input_size));
  PARE_ASSIGN_OR_RETURN(FilterMasks masks, FilterMasks::insert(model->graph(), labels, units, config));
  std::unique_ptr<FilterPruning> method(new FilterPruning(std::move(model), config, input_size, std::move(settings),
                                                          std::move(units), std::move(cost), std::move(masks)));
  if (!method->settings_.load_ranking_path.empty()) {
    PARE_ASSIGN_OR_RETURN(method->settings_.importance.coefficients,
                          load_ranking(method->settings_.load_ranking_path, method->layer_names()));
  }
  PARE_RETURN_IF_ERROR(method->check_reach(method->settings_.target));
  PARE_RETURN_IF_ERROR(method->set_level(method->settings_.schedule->level()));
  return method;
}

FilterPruning::FilterPruning(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config,
                             const InputSize& input_size, FilterPruningConfig settings, PruningUnits units,
                             PruningCost cost, FilterMasks masks)
    : CompressionAlgorithm(std::move(model), config, input_size),
      settings_(std::move(settings)),
      units_(std::move(units)),
      cost_(std::move(cost)),
      masks_(std::move(masks)),
      selection_(units_, settings_.selection) {
  settings_.schedule->set_listener([this](const LevelSchedule& schedule) {
    const absl::Status status = set_level(schedule.level());
    if (!status.ok()) log_warning(absl::StrCat("filter masks stay as they were: ", status.message()));
  });
}

FilterPruning::~FilterPruning() = default;

absl::StatusOr<RemovedUnits> FilterPruning::select(const std::vector<double>& importances, double level) const {
  if (settings_.target_is_flops) return selection_.at_flops(importances, level, cost_);
  return selection_.at_level(importances, level);
}

absl::Status FilterPruning::check_reach(double level) const {
  PARE_ASSIGN_OR_RETURN(const std::vector<double> importances, guard_torch("the importance of filters", [&] {
                          return unit_importances(units_, settings_.importance);
                        }));
  const absl::StatusOr<RemovedUnits> removed = select(importances, level);
  if (!removed.ok()) {
    return absl::Status(removed.status().code(), absl::StrCat(config().path, ".params: ", removed.status().message()));
  }
  if (level > 0 && std::find(removed->begin(), removed->end(), true) == removed->end()) {
    log_warning(absl::StrCat(config().path, ": at the target ", level,
                             " no filter goes: every group of coupled layers keeps a multiple of round_to, ",
                             settings_.selection.round_to, "; lower round_to or raise the target"));
  }
  return absl::OkStatus();
}

absl::Status FilterPruning::set_level(double level) {
  if (is_cut()) return absl::OkStatus();  // nothing comes back
  PARE_ASSIGN_OR_RETURN(const std::vector<double> importances, guard_torch("the importance of filters", [&] {
                          return unit_importances(units_, settings_.importance);
                        }));
  PARE_ASSIGN_OR_RETURN(const RemovedUnits removed, select(importances, level));
  return guard_torch("the masks of filters", [&] { masks_.set(removed); });
}

absl::Status FilterPruning::set_compression_rate(double rate) {
  PARE_RETURN_IF_ERROR(check_rate(rate, config()));
  if (is_cut()) {
    return absl::FailedPreconditionError(
        absl::StrCat(config().path, ": the filters are cut out of the model: its compression rate is final"));
  }
  const absl::Status status = set_level(rate);
  // Of what set_level() computes, only a share of FLOPs can be out of reach.
  if (absl::IsInvalidArgument(status) && settings_.target_is_flops) return absl::OutOfRangeError(status.message());
  PARE_RETURN_IF_ERROR(status);
  settings_.schedule->hold(rate);
  return absl::OkStatus();
}

absl::StatusOr<RemovedUnits> FilterPruning::removed() const {
  if (is_cut()) return *cut_;
  return masks_.removed();
}

CompressionStage FilterPruning::stage() const { return stage_of(*settings_.schedule); }

std::vector<std::string> FilterPruning::layer_names() const {
  std::vector<std::string> names;
  for (const PrunedLayer& layer : units_.layers()) names.push_back(layer.layer.name);
  return names;
}

absl::Status FilterPruning::distributed(const std::shared_ptr<ProcessGroup>& process_group) {
  process_group_ = process_group;
  return absl::OkStatus();
}

absl::Status FilterPruning::initialize(data::DataLoader& data_loader) {
  if (!settings_.learns_ranking || !ranking().empty()) return absl::OkStatus();
  if (is_cut()) return absl::FailedPreconditionError("the filters are gone: there is no ranking to learn");
  const RankingTrainingOptions options{.train_steps = settings_.search_train_steps,
                                       .learning_rate = settings_.search_learning_rate};
  std::vector<std::vector<double>> filters;
  PARE_RETURN_IF_ERROR(guard_torch("the importance of filters",
                                   [&] { filters = filter_importances(units_, settings_.importance.norm); }));
  const auto prune = [&](const std::vector<RankingCoefficients>& candidate) -> absl::Status {
    ImportanceOptions importance = settings_.importance;
    importance.coefficients = candidate;
    const std::vector<double> importances = unit_importances(units_, filters, importance);
    // What a candidate cannot reach it does not reach in training either: it goes as far as it can.
    absl::StatusOr<RemovedUnits> removed = selection_.at_flops(importances, settings_.search_max_pruning, cost_);
    if (!removed.ok()) removed = selection_.at_level(importances, 1.0);
    return guard_torch("the masks of filters", [&] { masks_.set(*removed); });
  };
  PARE_ASSIGN_OR_RETURN(settings_.importance.coefficients,
                        search_ranking(importance_deviations(filters), settings_.search,
                                       [&](const std::vector<RankingCoefficients>& candidate) {
                                         return loss_after_training(
                                             *model(), data_loader, [&] { return prune(candidate); }, options,
                                             process_group_.get());
                                       }));
  PARE_RETURN_IF_ERROR(set_level(settings_.schedule->level()));
  // All have found the same; one writes it.
  const bool writes = process_group_ == nullptr || process_group_->rank() == 0;
  if (settings_.save_ranking_path.empty() || !writes) return absl::OkStatus();
  return save_ranking(settings_.save_ranking_path, layer_names(), ranking());
}

nlohmann::json FilterPruning::state() const {
  nlohmann::json state = CompressionAlgorithm::state();
  for (const RankingCoefficients& each : ranking()) state[kRanking].push_back({each.alpha, each.kappa});
  if (!is_cut()) return state;
  state[kCut] = nlohmann::json::array();
  for (size_t i = 0; i < cut_->size(); ++i) {
    if ((*cut_)[i]) state[kCut].push_back(i);
  }
  return state;
}

absl::Status FilterPruning::prepare_for_state(const nlohmann::json& state) {
  const auto kept = state.is_object() ? state.find(kCut) : state.end();
  if (!state.is_object() || kept == state.end()) {
    if (!is_cut()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(config().path,
                     ": the checkpoint is of a model that has all its filters, and this one's are cut out already: "
                     "load it into the network as it was before"));
  }
  PARE_ASSIGN_OR_RETURN(RemovedUnits removed, read_cut(*kept, units_.units().size()));
  if (is_cut()) {
    if (*cut_ == removed) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(config().path,
                     ": the checkpoint is of a model that has lost other filters than this one: load it into the "
                     "network as it was before"));
  }
  PARE_RETURN_IF_ERROR(guard_torch("the masks of filters", [&] { masks_.set(removed); }));
  return cut_channels();
}

absl::Status FilterPruning::set_state(const nlohmann::json& state) {
  std::vector<RankingCoefficients> coefficients;
  if (state.is_object() && state.contains(kRanking)) {
    const nlohmann::json& kept = state[kRanking];
    const auto is_pair = [](const nlohmann::json& each) {
      return each.is_array() && each.size() == 2 && each[0].is_number() && each[1].is_number();
    };
    if (!kept.is_array() || kept.size() != units_.layers().size() || !std::all_of(kept.begin(), kept.end(), is_pair)) {
      return absl::InvalidArgumentError(absl::StrCat("the state of the method \"", config().name,
                                                     "\": expected under \"", kRanking,
                                                     "\" a pair of "
                                                     "numbers for each of ",
                                                     units_.layers().size(),
                                                     " layers; the checkpoint is damaged or of "
                                                     "another model"));
    }
    for (const nlohmann::json& each : kept) coefficients.push_back({each[0].get<double>(), each[1].get<double>()});
  }
  // The masks are the model's: whether they are of filters as a whole shows here.
  PARE_RETURN_IF_ERROR(removed().status());
  PARE_RETURN_IF_ERROR(CompressionAlgorithm::set_state(state));
  settings_.importance.coefficients = std::move(coefficients);
  return absl::OkStatus();
}

absl::Status FilterPruning::cut_channels() {
  if (is_cut()) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(RemovedUnits removed, masks_.removed());
  PARE_RETURN_IF_ERROR(
      remove_channels(*model(), input_size(), FilterMasks::channels(units_, removed), settings_.labels));
  PARE_RETURN_IF_ERROR(masks_.take_out(model()->graph()));
  cut_ = std::move(removed);
  return absl::OkStatus();
}

absl::Status FilterPruning::remove_pruned_channels() {
  if (!is_cut() && stage() != CompressionStage::kFullyCompressed) {
    return absl::FailedPreconditionError(absl::StrCat(
        config().path, ": the schedule is at level ", settings_.schedule->level(), " of ", settings_.schedule->target(),
        ", and filters may still go or come back: cut them out once stage() is FULLY_COMPRESSED"));
  }
  return cut_channels();
}

absl::Status FilterPruning::prepare_for_export() { return cut_channels(); }

Statistics FilterPruning::statistics() const {
  Statistics statistics;
  statistics.set("level", settings_.schedule->level());
  statistics.set("target_level", settings_.schedule->held().value_or(settings_.target));
  statistics.set("target_is_of", settings_.target_is_flops ? "flops" : "filters");
  const absl::StatusOr<RemovedUnits> removed = this->removed();
  if (removed.ok()) statistics.merge(pruning_statistics(units_, cost_, *removed));
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

}  // namespace pare::pruning
