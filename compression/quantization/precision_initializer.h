// compression/quantization/precision_initializer.h: gives each quantizer the bits that a config asks for or that HAWQ
// finds.
//
//   PARE_ASSIGN_OR_RETURN(auto chosen, initialize_precision(*model, quantizers, settings, &loader, input_size));
//
// Weights get a layer's bits; an activation that only layers with weights take gets the most bits among them, and all
// that share one scale get the most of these. Others keep theirs: an addition, say, stays at 8.

#ifndef PARE_COMPRESSION_QUANTIZATION_PRECISION_INITIALIZER_H_
#define PARE_COMPRESSION_QUANTIZATION_PRECISION_INITIALIZER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/quantization/insertion.h"
#include "compression/quantization/precision_settings.h"
#include "data/data_loader.h"
#include "distributed/process_group.h"
#include "graph/model.h"
#include "nlohmann/json.hpp"
#include "statistics/statistics.h"

namespace pare::quantization {

struct LayerPrecision {
  std::string name;  // the weight quantizer's
  int bits = 8;
  double flops = 0;
  double average_trace = 0;  // HAWQ alone, as the next two
  double squared_error = 0;  // ||Q(W) - W||^2 at these bits
  double sensitivity = 0;    // their product
};

struct PrecisionOutcome {
  std::vector<LayerPrecision> layers;  // in the order of the weight quantizers
  double ratio = 1;                    // (sum of FLOPs * 8) / (sum of FLOPs * bits)
};

// For checkpoints. from_json() throws nlohmann's exceptions.
void to_json(nlohmann::json& json, const PrecisionOutcome& outcome);
void from_json(const nlohmann::json& json, PrecisionOutcome& outcome);

// `loader`: what HAWQ looks at; nullptr will do for bits that are assigned by hand. The weights' ranges must be
// initialised, the activations' need not; both are to be taken anew afterwards. Errors: those of
// average_hessian_traces(), choose_precisions() and of the model; a manual scope that no quantizer belongs to.
absl::StatusOr<PrecisionOutcome> initialize_precision(graph::Model& model,
                                                      const std::vector<InsertedQuantizer>& quantizers,
                                                      const PrecisionSettings& settings, data::DataLoader* loader,
                                                      const std::vector<std::vector<int64_t>>& input_size,
                                                      ProcessGroup* process_group = nullptr);

// "compression_ratio" and a table "layers": name, bits, average trace, squared error, sensitivity, share of the FLOPs.
Statistics precision_statistics(const PrecisionOutcome& outcome);

// A chart: a bar a layer, as high as the logarithm of its average trace, in the colour of its bits.
std::string precision_svg(const PrecisionOutcome& outcome);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_PRECISION_INITIALIZER_H_
