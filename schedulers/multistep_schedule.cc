#include "schedulers/multistep_schedule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pare {

std::unique_ptr<MultistepSchedule> MultistepSchedule::read(config::ObjectReader& params, double initial) {
  const SparsityOptions options = read_sparsity_options(params, initial);
  std::vector<int64_t> steps = params.integers("multistep_steps", {90}, {.min = 0});
  std::vector<double> levels = params.numbers("multistep_sparsity_levels", {0.1, 0.5}, {.min = 0, .max = 1});
  if (std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end()) {
    params.fail("multistep_steps", "expected epochs in rising order");
  }
  if (std::find(levels.begin(), levels.end(), 1.0) != levels.end()) {
    params.fail("multistep_sparsity_levels", "expected levels below 1, found 1: nothing would be left");
  }
  if (levels.size() != steps.size() + 1) {
    params.fail("multistep_sparsity_levels", absl::StrCat("expected ", steps.size() + 1,
                                                          " levels, one more than there "
                                                          "are steps, found ",
                                                          levels.size()));
    levels.resize(steps.size() + 1);
  }
  return std::make_unique<MultistepSchedule>(options, std::move(steps), std::move(levels));
}

double MultistepSchedule::level_at(double epochs) const {
  return levels_[static_cast<size_t>(
      std::count_if(steps_.begin(), steps_.end(), [epochs](int64_t step) { return step <= epochs; }))];
}

}  // namespace pare
