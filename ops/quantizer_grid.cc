#include "ops/quantizer_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pare::ops {
namespace {

void add_channel(QuantizerGrid& grid, double step, double range, double lowest, double highest) {
  // Written so that a NaN stays.
  constexpr double kLeast = std::numeric_limits<float>::min();
  const auto float_step = static_cast<float>(step < kLeast ? kLeast : step);
  grid.step.push_back(float_step);
  grid.inverse_step.push_back(1.0f / float_step);
  grid.lowest.push_back(static_cast<float>(lowest));
  grid.highest.push_back(static_cast<float>(highest));
  grid.range.push_back(range);
  grid.zero_code.push_back(static_cast<double>(grid.code_low) - lowest);
}

// The range [low, high], which holds zero, moved at one end so that zero is level number zp of n + 1. Returns zp and
// the new range's width.
std::pair<double, double> tuned(double low, double high, double n) {
  const double zp = std::clamp(std::nearbyint(-low * n / (high - low)), 0.0, n);
  if (zp == 0) return {zp, high};
  if (zp == n) return {zp, -low};
  const double with_high_moved = (zp - n) / zp * low - low;
  const double with_low_moved = high - zp / (zp - n) * high;
  return {zp, std::max(with_high_moved, with_low_moved)};
}

}  // namespace

QuantizerGrid symmetric_grid(const std::vector<float>& scale, int64_t level_low, int64_t level_high, double eps) {
  QuantizerGrid grid;
  grid.code_low = level_low;
  grid.code_high = level_high;
  const double low = level_low, high = level_high;
  for (const float parameter : scale) {
    const double top = std::fabs(double{parameter}) + eps;
    add_channel(grid, top / high, top * (1 - low / high), low, high);
  }
  return grid;
}

QuantizerGrid asymmetric_grid(const std::vector<float>& input_low, const std::vector<float>& input_range,
                              int64_t levels, double eps) {
  QuantizerGrid grid;
  grid.code_low = 0;
  grid.code_high = levels - 1;
  const double n = static_cast<double>(levels - 1);
  for (size_t channel = 0; channel < input_low.size(); ++channel) {
    const double parameter_low = input_low[channel];
    const double parameter_high = parameter_low + std::fabs(double{input_range[channel]}) + eps;
    if (!std::isfinite(parameter_high)) {
      constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
      add_channel(grid, kNan, kNan, 0, n);
      continue;
    }
    const auto [zp, range] = tuned(std::min(parameter_low, 0.0), std::max(parameter_high, 0.0), n);
    add_channel(grid, range / n, range, -zp, n - zp);
  }
  return grid;
}

absl::StatusOr<AffineParameters> affine_parameters(const QuantizerGrid& grid) {
  AffineParameters parameters{grid.step, {}, grid.code_low, grid.code_high};
  for (size_t channel = 0; channel < grid.step.size(); ++channel) {
    if (!std::isfinite(grid.step[channel])) {
      return absl::InvalidArgumentError(absl::StrCat("the range of channel ", channel, " is not finite (its step is ",
                                                     grid.step[channel],
                                                     "): initialize the quantizer, or look for NaN in the weights"));
    }
    parameters.zero_point.push_back(static_cast<int32_t>(grid.zero_code[channel]));
  }
  return parameters;
}

}  // namespace pare::ops
