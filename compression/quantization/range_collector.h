// compression/quantization/range_collector.h: watches the values that a quantizer will get and decides its range.
//
//   auto collector = make_range_collector(settings, quantizer);
//   collector->add(activations);                                     // a batch: dimension 0 runs over the samples
//   PARE_ASSIGN_OR_RETURN(ValueRange range, collector->range());
//
// Memory does not grow with the number of samples: extremes and means are running ones, percentiles and medians come
// from quantile_sketch.h (relative error at most 2^-10; per channel 2^-7). Of weights they are exact, by selection.

#ifndef PARE_COMPRESSION_QUANTIZATION_RANGE_COLLECTOR_H_
#define PARE_COMPRESSION_QUANTIZATION_RANGE_COLLECTOR_H_

#include <ATen/core/Tensor.h>

#include <memory>

#include "absl/status/statusor.h"
#include "compression/quantization/quantizer.h"
#include "compression/quantization/range_settings.h"
#include "compression/quantization/value_range.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {

class RangeCollector {
 public:
  virtual ~RangeCollector() = default;
  // Throws c10::Error for a tensor without the channel axis, or with another number of channels than before.
  virtual void add(const at::Tensor& x) = 0;
  // What was seen so far, and that of another process, which had other samples: merged by all in the same order, all
  // get the same range, that of all samples. InvalidArgument for a state of another kind of collector.
  virtual nlohmann::json state() const = 0;
  virtual absl::Status merge(const nlohmann::json& state) = 0;
  // FailedPrecondition if nothing was added, InvalidArgument if a NaN or an infinity was.
  virtual absl::StatusOr<ValueRange> range() const = 0;
};

// For activations.
std::unique_ptr<RangeCollector> make_range_collector(const RangeSettings& settings, const Quantizer& quantizer);

// Of a weight, at once. InvalidArgument if it holds a NaN or an infinity or is empty.
absl::StatusOr<ValueRange> weight_range(const RangeSettings& settings, const Quantizer& quantizer,
                                        const at::Tensor& weight);

// The least of the minima and the greatest of the maxima: what a unified scale covers. Of equally many channels.
ValueRange merge_ranges(const ValueRange& a, const ValueRange& b);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_RANGE_COLLECTOR_H_
