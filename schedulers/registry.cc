#include "schedulers/registry.h"

#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "schedulers/adaptive_schedule.h"
#include "schedulers/baseline_schedule.h"
#include "schedulers/exponential_pruning_schedule.h"
#include "schedulers/exponential_schedule.h"
#include "schedulers/exponential_with_bias_schedule.h"
#include "schedulers/multistep_schedule.h"
#include "schedulers/polynomial_schedule.h"

namespace pare {

namespace {

using Factories = std::map<std::pair<std::string, std::string>, LevelScheduleFactory>;

template <typename Schedule>
LevelScheduleFactory factory_of() {
  return [](config::ObjectReader& params, const LevelScheduleInputs& inputs) {
    return Schedule::read(params, inputs.initial);
  };
}

constinit std::mutex mutex;

// Made on first use, so that registrations of other files' static initializers find it; never destroyed.
Factories& factories() {
  static auto* factories = new Factories{
      {{"sparsity", "polynomial"}, factory_of<PolynomialSchedule>()},
      {{"sparsity", "exponential"}, factory_of<ExponentialSchedule>()},
      {{"sparsity", "multistep"}, factory_of<MultistepSchedule>()},
      {{"sparsity", "adaptive"},
       [](config::ObjectReader& params, const LevelScheduleInputs& inputs) {
         return AdaptiveSchedule::read(params, inputs.initial, inputs.current_level);
       }},
      {{"pruning", "baseline"}, factory_of<BaselineSchedule>()},
      {{"pruning", "exponential"}, factory_of<ExponentialPruningSchedule>()},
      {{"pruning", "exponential_with_bias"}, factory_of<ExponentialWithBiasSchedule>()},
  };
  return *factories;
}

}  // namespace

bool register_level_schedule(const std::string& family, const std::string& name, LevelScheduleFactory factory) {
  const std::lock_guard<std::mutex> lock(mutex);
  return factories().emplace(std::make_pair(family, name), std::move(factory)).second;
}

std::vector<std::string> registered_level_schedules(const std::string& family) {
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<std::string> names;
  for (const auto& [key, factory] : factories()) {
    if (key.first == family) names.push_back(key.second);
  }
  return names;
}

absl::StatusOr<std::unique_ptr<LevelSchedule>> make_level_schedule(const std::string& family,
                                                                   const std::string& default_name,
                                                                   config::ObjectReader& params,
                                                                   const LevelScheduleInputs& inputs) {
  const std::string name = params.one_of("schedule", default_name, registered_level_schedules(family));
  if (!params.ok()) return params.status();
  LevelScheduleFactory factory;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = factories().find({family, name});
    if (found == factories().end()) {
      return absl::NotFoundError(
          absl::StrCat(params.path(), ": there is no schedule \"", name, "\" of the family \"", family, "\""));
    }
    factory = found->second;
  }
  std::unique_ptr<LevelSchedule> schedule = factory(params, inputs);
  if (!params.ok()) return params.status();
  return schedule;
}

}  // namespace pare
