// compression/quantization/quantile_sketch.h: percentiles of a stream of numbers, in bounded memory and one pass.
//
//   QuantileSketch sketch;
//   sketch.add(activations, count);        // again for each batch
//   const double high = sketch.quantile(0.999);
//   PARE_RETURN_IF_ERROR(sketch.merge(other.state()));                // as if the other's numbers had been added, too
//
// A histogram whose bins divide each binade of float32 into 2^mantissa_bits equal parts, so that a number's bin is a
// few of its own leading bits. An order statistic is found to within its bin: a relative error of at most
// 2^-mantissa_bits, whatever the outliers; zeros, the least and the greatest number are exact. Memory: 8 bytes a bin
// for the binades that occur, at most 4 MiB (10 mantissa bits; a typical activation takes a tenth).

#ifndef PARE_COMPRESSION_QUANTIZATION_QUANTILE_SKETCH_H_
#define PARE_COMPRESSION_QUANTIZATION_QUANTILE_SKETCH_H_

#include <array>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {

// So many numbers near `value`.
struct WeightedValue {
  double value;
  double weight;
};

class QuantileSketch {
 public:
  // mantissa_bits: 1 to 16.
  explicit QuantileSketch(int mantissa_bits = 10);

  // NaN and infinity are not counted, but remembered.
  void add(const float* data, int64_t size);

  int64_t count() const { return count_; }
  bool has_non_finite() const { return has_non_finite_; }
  // Infinity and minus infinity while nothing is counted.
  float min() const { return min_; }
  float max() const { return max_; }

  // q in [0, 1]: linear between the two order statistics around q (count - 1), counted from 0. Needs count() > 0.
  double quantile(double q) const;

  // What has been counted, to be merged in another process; the result does not depend on who counted what.
  // InvalidArgument for what is no state of a sketch of as many mantissa bits; nothing is merged then.
  nlohmann::json state() const;
  absl::Status merge(const nlohmann::json& state);

  // The middle of each bin that is not empty, with its count, in rising order.
  std::vector<WeightedValue> values() const;

 private:
  struct Bin {
    double low, high;
    int64_t count;
  };
  std::vector<Bin> bins() const;
  double order_statistic(const std::vector<Bin>& bins, int64_t rank) const;

  int shift_;
  // By sign and exponent; empty until a number falls into it.
  std::array<std::vector<int64_t>, 512> binades_;
  int64_t zeros_ = 0;
  int64_t count_ = 0;
  float min_ = std::numeric_limits<float>::infinity();
  float max_ = -std::numeric_limits<float>::infinity();
  bool has_non_finite_ = false;
};

// The median, and the median of the distances from it, of numbers with weights. Needs a positive sum of weights.
std::pair<double, double> median_and_deviation(std::vector<WeightedValue> values);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_QUANTILE_SKETCH_H_
