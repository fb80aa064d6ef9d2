// compression/quantization/range_initializer.h: gives quantizers their first ranges: weights' from the weights,
// activations' from data.
//
//   PARE_RETURN_IF_ERROR(initialize_weight_ranges(quantizers, rules));
//   PARE_RETURN_IF_ERROR(initialize_activation_ranges(*model, quantizers, rules, loader));
//
// In several processes, each with its part of the samples, all get the ranges of all samples: of extremes and
// percentiles those that one process would find, of means to within the last bits of a sum in double.
//
// Quantizers that share their parameters (unified scales) get the union of their ranges. With an error, all keep the
// ranges that they had.

#ifndef PARE_COMPRESSION_QUANTIZATION_RANGE_INITIALIZER_H_
#define PARE_COMPRESSION_QUANTIZATION_RANGE_INITIALIZER_H_

#include <vector>

#include "absl/status/status.h"
#include "compression/quantization/insertion.h"
#include "compression/quantization/range_settings.h"
#include "data/data_loader.h"
#include "distributed/process_group.h"
#include "graph/model.h"

namespace pare::quantization {

// Errors: InvalidArgument, naming the quantizer, for a NaN or an infinity in a weight; the rules'.
absl::Status initialize_weight_ranges(const std::vector<InsertedQuantizer>& quantizers, const RangeRules& rules);

// Runs the model in evaluation mode with all quantizers off over each rule's num_init_samples; fewer samples are taken
// as they are, with a logged line. Errors: InvalidArgument for a NaN or an infinity, FailedPrecondition for a quantizer
// that no value reached (an empty loader), naming it; the loader's; the model's.
absl::Status initialize_activation_ranges(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                                          const RangeRules& rules, data::DataLoader& loader,
                                          ProcessGroup* process_group = nullptr);

// Both, and all or nothing.
absl::Status initialize_ranges(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                               const RangeRules& rules, data::DataLoader& loader,
                               ProcessGroup* process_group = nullptr);

// While it lives, the quantizers are off.
class QuantizersOff {
 public:
  explicit QuantizersOff(const std::vector<InsertedQuantizer>& quantizers);
  ~QuantizersOff();
  QuantizersOff(const QuantizersOff&) = delete;
  QuantizersOff& operator=(const QuantizersOff&) = delete;

 private:
  std::vector<std::shared_ptr<Quantizer>> turned_off_;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_RANGE_INITIALIZER_H_
