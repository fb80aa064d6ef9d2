// backends/growing_histogram.h: a histogram of a stream of tensors whose range grows with the data.
//
//   GrowingHistogram histogram(/*channels=*/64);
//   for (const float* x : batches) PARE_RETURN_IF_ERROR(histogram.add(table, execution, layout, x));
//   PARE_ASSIGN_OR_RETURN(float p99, histogram.quantile(channel, 0.99));
//
// Each channel has kBins equal bins of a width that is a power of two, half of them on each side of zero. When a larger
// magnitude comes, widths double and neighbours merge, exactly: so the counts depend on the data alone and not on its
// order, and those of two histograms (of two processes) can be merged without loss. A tensor is read twice: for its
// greatest magnitude, and for the counts.

#ifndef PARE_BACKENDS_GROWING_HISTOGRAM_H_
#define PARE_BACKENDS_GROWING_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

class GrowingHistogram {
 public:
  static constexpr int64_t kBins = 4096;

  // channels >= 1.
  explicit GrowingHistogram(int64_t channels);

  // Counts x, a tensor of as many channels. Errors: InvalidArgument for another number of channels, or for a NaN or an
  // infinity, with the channel (nothing is counted then); Unimplemented if the table lacks abs_max or histogram; what
  // the kernels return.
  template <typename T>
  absl::Status add(const KernelTable<T>& table, const Execution& execution, const Layout& layout, const T* x);

  // Adds the other's counts. Error: InvalidArgument for another number of channels.
  absl::Status merge(const GrowingHistogram& other);

  // The number that a share q of the channel's numbers are below, linear within its bin: off by at most a bin's width.
  // Errors: InvalidArgument for q outside [0, 1]; FailedPrecondition for a channel without numbers.
  absl::StatusOr<float> quantile(int64_t channel, double q) const;

  int64_t channels() const { return static_cast<int64_t>(exponents_.size()); }
  int64_t size(int64_t channel) const;  // How many numbers were counted.
  // Bin b holds [(b - kBins / 2) * width, (b + 1 - kBins / 2) * width).
  float width(int64_t channel) const;
  absl::Span<const int64_t> counts(int64_t channel) const;  // [kBins]

 private:
  // Doubles the width until it is 2^exponent.
  void widen(int64_t channel, int exponent);

  std::vector<int> exponents_;   // The width is 2^exponent.
  std::vector<int64_t> counts_;  // [channels, kBins]
};

}  // namespace pare::backends

#endif  // PARE_BACKENDS_GROWING_HISTOGRAM_H_
