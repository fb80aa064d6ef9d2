// backends/growing_histogram.h: a histogram for data whose range is not known beforehand.
//
//   GrowingHistogram histogram(/*channels=*/1, /*bins=*/2048);
//   PARE_RETURN_IF_ERROR(histogram.add(kernels, execution, layout, activations));   // again for each batch
//   const float high = *histogram.quantile(0, 0.999);
//
// The bins of a channel are those of one endless ruler: bin i holds the numbers from i * width up to (i + 1) * width,
// the width being a power of two. A histogram keeps the bins from the least number on; when the numbers no longer fit,
// the width is doubled until they do, and bins 2i and 2i + 1 become bin i, exactly. So the bins depend on what numbers
// were added, and on nothing else: not on the order, nor on how they were divided between histograms that are merged.
// The width is the least power of two with which the bins reach from the least number to the greatest (and
// kLeastWidth, and 2^-22 of the greatest magnitude, so that every edge is a float).
//
// A quantile is off by at most one bin's width, and that is less than 2 / (bins - 1) of the range. One read of the data
// finds the extremes, a second one counts.

#ifndef PARE_BACKENDS_GROWING_HISTOGRAM_H_
#define PARE_BACKENDS_GROWING_HISTOGRAM_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

class GrowingHistogram {
 public:
  // Numbers above this in magnitude are refused: their bins' edges would not be floats.
  static constexpr float kGreatestMagnitude = 0x1p120f;
  static constexpr float kLeastWidth = 0x1p-100f;

  // channels >= 0; bins in [2, 2^16].
  GrowingHistogram(int64_t channels, int64_t bins);

  // One channel's.
  struct Channel {
    int64_t size = 0;
    // Infinity and minus infinity while there is no number.
    float min = std::numeric_limits<float>::infinity();
    float max = -std::numeric_limits<float>::infinity();
    // The width is 2^exponent, and counts[k] is of bin first + k.
    int exponent = 0;
    int64_t first = 0;
    std::vector<int64_t> counts;

    float width() const;
    // Where bin first + k begins.
    float edge(int64_t k) const;
  };

  // Counts x, of as many channels; what it points to is in the memory that the kernels work on. Errors: those of the
  // kernels; InvalidArgument for another number of channels, or if x holds a NaN, an infinity or a number above
  // kGreatestMagnitude: then nothing of x is counted.
  template <typename T>
  absl::Status add(const KernelTable<T>& kernels, const Execution& execution, const Layout& layout, const T* x);

  // The same for numbers that are counted elsewhere: extremes() and count() do what the kernels min_max and histogram
  // do for `size` numbers a channel, all pointers being host memory.
  absl::Status add(int64_t size, absl::FunctionRef<absl::Status(float* min, float* max)> extremes,
                   absl::FunctionRef<absl::Status(const HistogramBins& bins, int64_t* counts)> count);

  // Adds what another histogram, of as many channels and bins, counted. Error: InvalidArgument if it is not.
  absl::Status merge(const GrowingHistogram& other);

  int64_t channels() const { return static_cast<int64_t>(channels_.size()); }
  int64_t bins() const { return bins_; }
  const Channel& channel(int64_t channel) const { return channels_[channel]; }

  // The number below which a part q in [0, 1] of the channel's numbers lies: as percentiles() of backends/selection.h,
  // but each number is taken to be where it would be if those of its bin were evenly spread. The extremes are exact.
  // Errors: InvalidArgument if q is not in [0, 1]; FailedPrecondition if there is no number.
  absl::StatusOr<float> quantile(int64_t channel, double q) const;

 private:
  int64_t bins_;
  std::vector<Channel> channels_;
};

}  // namespace pare::backends

#endif  // PARE_BACKENDS_GROWING_HISTOGRAM_H_
