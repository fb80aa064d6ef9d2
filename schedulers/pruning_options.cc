#include "schedulers/pruning_options.h"

#include "absl/strings/str_cat.h"

namespace pare {

namespace {

constexpr config::NumberRange kLevels = {.min = 0, .max = 1};

}  // namespace

PruningOptions read_pruning_options(config::ObjectReader& params, double initial) {
  PruningOptions options;
  options.initial = initial;
  const std::optional<double> filters = params.optional_number("pruning_target", kLevels);
  const std::optional<double> flops = params.optional_number("pruning_flops_target", kLevels);
  if (filters && flops) {
    params.fail("pruning_flops_target", "stands beside pruning_target; expected one of the two");
  }
  options.target_is_flops = flops.has_value();
  options.target = flops.value_or(filters.value_or(options.target));
  if (options.target >= 1) {
    params.fail(flops ? "pruning_flops_target" : "pruning_target", "expected a number below 1: something must be left");
  }
  if (!(initial >= 0 && initial < 1)) {
    params.fail(absl::InvalidArgumentError(
        absl::StrCat(params.path(), ": the initial pruning level must be from 0 to below 1, found ", initial)));
  }
  options.num_init_steps = params.integer("num_init_steps", options.num_init_steps, {.min = 0, .max = 1e9});
  options.pruning_steps = params.integer("pruning_steps", options.pruning_steps, {.min = 1, .max = 1e9});
  return options;
}

}  // namespace pare
