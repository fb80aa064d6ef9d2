// compression/quantization/range_search.h: the range that quantizes given numbers with the least squared error.
//
//   const SearchedRange range = search_range(sketch.values(), config);   // range.min, range.max
//
// With few bits the extremes are a poor range: a single large number makes the step coarse for all. The search shrinks
// the extremes by a common factor, from 1 down to 0.2 in steps of 0.01, and keeps the best (Banner et al. 2018,
// arXiv:1810.05723, treat the same trade-off in closed form for known distributions).

#ifndef PARE_COMPRESSION_QUANTIZATION_RANGE_SEARCH_H_
#define PARE_COMPRESSION_QUANTIZATION_RANGE_SEARCH_H_

#include <vector>

#include "compression/quantization/quantile_sketch.h"
#include "compression/quantization/quantizer_config.h"

namespace pare::quantization {

struct SearchedRange {
  float min = 0, max = 0;
};

// `values` is not empty and finite.
SearchedRange search_range(const std::vector<WeightedValue>& values, const QuantizerConfig& config);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_RANGE_SEARCH_H_
