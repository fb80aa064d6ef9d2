#include "compression/quantization/range_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pare::quantization {

namespace {

constexpr int kFactors = 81;  // 1.00, 0.99, ..., 0.20
constexpr double kFactorStep = 0.01;

double squared_error(const std::vector<WeightedValue>& values, double step, double lowest, double highest) {
  double sum = 0;
  for (const WeightedValue& v : values) {
    const double error = std::clamp(std::nearbyint(v.value / step), lowest, highest) * step - v.value;
    sum += v.weight * error * error;
  }
  return sum;
}

}  // namespace

SearchedRange search_range(const std::vector<WeightedValue>& values, const QuantizerConfig& config) {
  double min = std::numeric_limits<double>::infinity(), max = -min;
  for (const WeightedValue& v : values) {
    min = std::min(min, v.value);
    max = std::max(max, v.value);
  }
  const bool is_signed = config.is_signed.value_or(false) || min < 0;  // as Quantizer::set_range() decides it
  const LevelRange levels = level_range(config, is_signed);
  double best_error = std::numeric_limits<double>::infinity(), best_factor = 1;
  for (int i = 0; i < kFactors; ++i) {
    const double factor = 1 - i * kFactorStep;
    double step, lowest = levels.low, highest = levels.high;
    if (config.mode == QuantizationMode::kSymmetric) {
      step = factor * std::max(std::abs(min), std::abs(max)) / levels.high;
    } else {
      step = factor * (std::max(max, 0.0) - std::min(min, 0.0)) / (levels.count() - 1);
      lowest = step > 0 ? std::nearbyint(factor * std::min(min, 0.0) / step) : 0;
      highest = lowest + levels.count() - 1;
    }
    if (!(step > 0)) break;
    const double error = squared_error(values, step, lowest, highest);
    if (error < best_error) {
      best_error = error;
      best_factor = factor;
    }
  }
  return {static_cast<float>(best_factor * min), static_cast<float>(best_factor * max)};
}

}  // namespace pare::quantization
