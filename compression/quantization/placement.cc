#include "compression/quantization/placement.h"

#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compression/quantization/activation_placement.h"
#include "compression/quantization/overrides.h"
#include "compression/quantization/placement_context.h"
#include "compression/quantization/weight_placement.h"

namespace pare::quantization {

namespace {

// A second quantizer of the same value is "<name>.2".
void make_names_unique(std::vector<QuantizationPoint>& points) {
  std::set<std::string> taken;
  for (QuantizationPoint& point : points) {
    const std::string base = point.name;
    for (int number = 2; !taken.insert(point.name).second; ++number) point.name = absl::StrCat(base, ".", number);
  }
}

}  // namespace

absl::StatusOr<QuantizerSetup> place_quantizers(const graph::Graph& graph, const PlacementOptions& options) {
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<PlacementContext> context, PlacementContext::create(graph, options));
  QuantizerSetup setup;
  PARE_ASSIGN_OR_RETURN(setup.points, place_weight_quantizers(*context));
  PARE_ASSIGN_OR_RETURN(std::vector<QuantizationPoint> activations, place_activation_quantizers(*context));
  setup.points.insert(setup.points.end(), std::make_move_iterator(activations.begin()),
                      std::make_move_iterator(activations.end()));
  if (setup.points.empty()) {
    return absl::FailedPreconditionError(
        "nothing in the model can be quantized: it has no operator that takes quantized inputs or weights on "
        "target_device " +
        options.target_device + ", or ignored_scopes and target_scopes leave none; `pare inspect` lists its operators");
  }
  make_names_unique(setup.points);
  PARE_RETURN_IF_ERROR(apply_output_overrides(*context, setup.points));
  warn_of_unused_constraints(*context, setup.points);
  return setup;
}

}  // namespace pare::quantization
