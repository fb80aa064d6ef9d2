// backends/selection.h: exact order statistics (k-th values, percentiles, medians) by counting, with no copy of the
// data.
//
//   // The magnitude below which 30% of two layers' weights lie, each layer's over its norm:
//   const float scales[] = {1 / first_norm, 1 / second_norm};
//   auto weights = HostNumbers<float>::create(kernels.key_histogram, execution,
//                                             {{first_layout, first, {.magnitude = true, .scale = &scales[0]}},
//                                              {second_layout, second, {.magnitude = true, .scale = &scales[1]}}});
//   const auto threshold = order_statistics(*weights, {static_cast<int64_t>((weights->size(0) - 1) * 0.3)});
//
// A rank counts from 0, in ascending order. A number's place in the order is that of its key
// (backends/selection_key.h): the two zeros are equal, and each NaN comes after infinity, so a NaN is the result only
// where NaNs reach down to the rank.
//
// Each pass over the data counts the keys in bins over a bracket that is known or guessed to hold the wanted ones, and
// those below it; the next bracket is the bin where the rank lies. From a guess that a small sample gives, two passes
// find a number among any count of them, mostly at the speed of reading; a wrong guess is seen in the counts and costs
// more passes, never a wrong result. Without a sample it takes three or four. Counts are sums, so a source may as well
// add up those of several processes between passes.
//
// Results are host memory, [ranks, channels].

#ifndef PARE_BACKENDS_SELECTION_H_
#define PARE_BACKENDS_SELECTION_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// The numbers to select from, channel by channel.
class SelectionSource {
 public:
  virtual ~SelectionSource() = default;

  virtual int64_t channels() const = 0;

  // How many numbers the channel has.
  virtual int64_t size(int64_t channel) const = 0;

  // Adds to counts as key_histogram does, of all numbers. bins.low and counts are host memory.
  virtual absl::Status count(const KeyBins& bins, int64_t* counts) = 0;

  // About `size` keys from all over the channel, in any order; none where the host cannot read the numbers.
  virtual std::vector<uint32_t> sample(int64_t channel, int64_t size) = 0;
};

// A tensor, or one of several that are taken as one: those have equally many channels.
template <typename T>
struct SelectionPart {
  Layout layout;
  const T* x;
  SelectionKeys keys = {};
};

// Numbers in host memory. What the parts point to must outlive it. T = float, Half, BFloat16.
template <typename T>
class HostNumbers : public SelectionSource {
 public:
  using Kernel = decltype(KernelTable<T>::key_histogram);

  // Error: InvalidArgument if there is no part, or parts differ in their number of channels.
  static absl::StatusOr<HostNumbers> create(Kernel key_histogram, const Execution& execution,
                                            std::vector<SelectionPart<T>> parts);

  int64_t channels() const override { return parts_.front().layout.channels; }
  int64_t size(int64_t channel) const override { return size_; }
  absl::Status count(const KeyBins& bins, int64_t* counts) override;
  std::vector<uint32_t> sample(int64_t channel, int64_t size) override;

 private:
  HostNumbers(Kernel kernel, const Execution& execution, std::vector<SelectionPart<T>> parts, int64_t size)
      : kernel_(kernel), execution_(execution), parts_(std::move(parts)), size_(size) {}

  Kernel kernel_;
  Execution execution_;
  std::vector<SelectionPart<T>> parts_;
  int64_t size_;
};

// The numbers at the ranks, of each channel. Errors: InvalidArgument for a rank that a channel does not have; those of
// the source; Internal if its counts do not add up.
absl::StatusOr<std::vector<float>> order_statistics(SelectionSource& source, absl::Span<const int64_t> ranks);

// Percentiles in [0, 100], of each channel: at position percent / 100 * (size - 1), between two numbers on the line
// from one to the other, in double and rounded to float: what numpy calls linear. NaN for a channel without numbers.
// Errors: InvalidArgument for a percent that is none; as above.
absl::StatusOr<std::vector<float>> percentiles(SelectionSource& source, absl::Span<const double> percents);

// Whether zeros are among the numbers, or left out as if they were not there.
enum class Zeros { kCounted, kLeftOut };

struct MedianAndDeviation {
  std::vector<float> median;
  // The median of |x - median|, the median rounded to float, as is each distance.
  std::vector<float> deviation;
};

// Of each channel; the median of an even number of numbers is halfway between the middle two. NaN for a channel without
// numbers. x is in host memory. Errors: as above.
template <typename T>
absl::StatusOr<MedianAndDeviation> median_and_deviation(typename HostNumbers<T>::Kernel key_histogram,
                                                        const Execution& execution, const Layout& layout, const T* x,
                                                        Zeros zeros);

}  // namespace pare::backends

#endif  // PARE_BACKENDS_SELECTION_H_
