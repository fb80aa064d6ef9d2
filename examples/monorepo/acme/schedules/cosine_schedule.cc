#include "acme/schedules/cosine_schedule.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "config/object_reader.h"
#include "schedulers/registry.h"

namespace acme {
namespace {

std::unique_ptr<pare::LevelSchedule> read(pare::config::ObjectReader& params, const pare::LevelScheduleInputs&) {
  return std::make_unique<CosineSchedule>(params.integer("ramp_epochs", 4, {.min = 1}));
}

[[maybe_unused]] const bool registered = pare::register_level_schedule("acme", "acme_cosine", read);

}  // namespace

double CosineSchedule::level_at(double epochs) const {
  const double progress = std::min(1.0, epochs / static_cast<double>(ramp_epochs_));
  return (1 - std::cos(std::numbers::pi * progress)) / 2;
}

}  // namespace acme
