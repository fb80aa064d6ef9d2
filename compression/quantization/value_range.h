// compression/quantization/value_range.h: the interval that a quantizer is to cover, for each of its channels.

#ifndef PARE_COMPRESSION_QUANTIZATION_VALUE_RANGE_H_
#define PARE_COMPRESSION_QUANTIZATION_VALUE_RANGE_H_

#include <vector>

namespace pare::quantization {

// One number a channel in each; one in all for a quantizer per tensor.
struct ValueRange {
  std::vector<float> min, max;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_VALUE_RANGE_H_
