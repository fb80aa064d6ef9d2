// schedulers/registry.h: level schedules by family and name, so that a config can choose one and another repository can
// add one.
//
//   config::ObjectReader params(algorithm.object("params"), algorithm.path_of("params"));
//   PARE_ASSIGN_OR_RETURN(auto schedule, make_level_schedule("sparsity", "exponential", params, {.initial = 0.1}));
//
//   register_level_schedule("sparsity", "linear", [](config::ObjectReader& params, const LevelScheduleInputs& inputs) {
//     return std::make_unique<Linear>(read_sparsity_options(params, inputs.initial));
//   });
//
// Families and what they hold from the start
//   sparsity   polynomial, exponential, adaptive, multistep
//   pruning    baseline, exponential, exponential_with_bias

#ifndef PARE_SCHEDULERS_REGISTRY_H_
#define PARE_SCHEDULERS_REGISTRY_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/object_reader.h"
#include "schedulers/level_schedule.h"

namespace pare {

struct LevelScheduleInputs {
  double initial = 0.0;                        // sparsity_init, pruning_init
  std::function<double()> current_level = {};  // what the model really has; empty for methods that do not learn it
};

// Reads its keys from `params`, to which mistakes go; never returns null.
using LevelScheduleFactory =
    std::function<std::unique_ptr<LevelSchedule>(config::ObjectReader& params, const LevelScheduleInputs& inputs)>;

// A name that is taken keeps its factory, and `false` is returned. Thread-safe, as are the others.
bool register_level_schedule(const std::string& family, const std::string& name, LevelScheduleFactory factory);

// In alphabetical order.
std::vector<std::string> registered_level_schedules(const std::string& family);

// Chooses by the key "schedule" of `params`, else `default_name`. InvalidArgument, with the JSON path, for a name that
// is not there (with the nearest) and for what the schedule refuses; params.finish() is left to the caller, who may
// have keys there, too.
absl::StatusOr<std::unique_ptr<LevelSchedule>> make_level_schedule(const std::string& family,
                                                                   const std::string& default_name,
                                                                   config::ObjectReader& params,
                                                                   const LevelScheduleInputs& inputs);

}  // namespace pare

#endif  // PARE_SCHEDULERS_REGISTRY_H_
