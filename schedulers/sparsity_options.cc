#include "schedulers/sparsity_options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pare {

double SparsityOptions::progress(double epochs) const {
  if (target_epoch <= 0) return 1.0;
  return std::clamp(epochs / static_cast<double>(target_epoch), 0.0, 1.0);
}

SparsityOptions read_sparsity_options(config::ObjectReader& params, double initial) {
  SparsityOptions options;
  options.initial = initial;
  options.target = params.number("sparsity_target", options.target, {.min = 0, .max = 1});
  options.target_epoch = params.integer("sparsity_target_epoch", options.target_epoch, {.min = 0});
  options.freeze_epoch = params.integer("sparsity_freeze_epoch", options.freeze_epoch, {.min = 0});
  options.update_per_step = params.boolean("update_per_optimizer_step", options.update_per_step);
  options.steps_per_epoch = params.integer("steps_per_epoch", options.steps_per_epoch, {.min = 1});
  for (const char* key :
       {"power", "concave", "patience", "step", "eps", "multistep_steps", "multistep_sparsity_levels"}) {
    params.has(key);
  }
  if (options.target == 1) params.fail("sparsity_target", "expected a level below 1, found 1: nothing would be left");
  if (!(initial >= 0 && initial < 1)) {
    params.fail("sparsity_target",
                absl::StrCat("the initial sparsity must be at least 0 and below 1, found ", initial));
  }
  return options;
}

}  // namespace pare
