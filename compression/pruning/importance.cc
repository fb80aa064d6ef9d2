#include "compression/pruning/importance.h"

#include <ATen/core/Tensor.h>

#include <cmath>
#include <utility>

#include "ops/filter_importance.h"

namespace pare::pruning {
namespace {

at::Tensor importance_of(const at::Tensor& weight, int64_t axis, FilterNorm norm) {
  switch (norm) {
    case FilterNorm::kL1:
      return ops::filter_l1_norms(weight, axis);
    case FilterNorm::kL2:
      return ops::filter_l2_norms(weight, axis);
    case FilterNorm::kGeometricMedian:
      return ops::filter_distance_sums(weight, axis);
  }
  return ops::filter_l2_norms(weight, axis);
}

double norm_of(const std::vector<double>& numbers) {
  double sum = 0;
  for (const double number : numbers) sum += number * number;
  return std::sqrt(sum);
}

}  // namespace

std::vector<std::vector<double>> filter_importances(const PruningUnits& units, FilterNorm norm) {
  std::vector<std::vector<double>> result;
  for (const PrunedLayer& pruned : units.layers()) {
    const WeightedLayer& layer = pruned.layer;
    const at::Tensor importance =
        importance_of(layer.weight->tensor().detach(), *layer.output_axis, norm).to(at::kCPU, at::kFloat).contiguous();
    const float* numbers = importance.data_ptr<float>();
    result.emplace_back(numbers, numbers + importance.numel());
  }
  return result;
}

std::vector<double> unit_importances(const PruningUnits& units, std::vector<std::vector<double>> filters,
                                     const ImportanceOptions& options) {
  for (size_t i = 0; i < filters.size(); ++i) {
    const double norm = options.is_normalised ? norm_of(filters[i]) : 1.0;
    const RankingCoefficients line = options.coefficients.empty() ? RankingCoefficients() : options.coefficients[i];
    for (double& each : filters[i]) each = line.alpha * (norm > 0 ? each / norm : each) + line.kappa;
  }
  std::vector<double> result;
  for (const PruningUnit& unit : units.units()) {
    double sum = 0;
    for (const PruningUnit::Filter& filter : unit.filters)
      sum += filters[filter.layer][static_cast<size_t>(filter.index)];
    result.push_back(sum);
  }
  return result;
}

std::vector<double> unit_importances(const PruningUnits& units, const ImportanceOptions& options) {
  return unit_importances(units, filter_importances(units, options.norm), options);
}

}  // namespace pare::pruning
