// backends/selection.h: exact order statistics by counting, over any backend's key_histogram: no sort, no copy of the
// data, and many tensors together without joining them.
//
//   const SelectionPart<float> part{x, Layout::per_tensor(n)};
//   PARE_ASSIGN_OR_RETURN(std::vector<float> median, percentile(table, execution, {part}, 50));
//   PARE_ASSIGN_OR_RETURN(float threshold, threshold_for_level(table, execution, layers, 0.5));
//
// A pass counts keys (backends/selection_key.h) in bins over a bracket that is known or guessed to hold the ranks', and
// the next one divides the bins that hold them, until a bin is one key. In host memory a sample of each large channel
// tells where to look first: then two passes find a rank, mostly at the speed of reading. A wrong guess is seen in the
// counts and costs another pass or two; the result is exact in any case. Without a sample it takes three passes. Ranks
// near each other share them. Counts of parts are added up: those of several processes can be as well.
//
// A NaN is greater than every number, so it is a result only where the rank is beyond all numbers.
//
// Errors: InvalidArgument for no parts, parts with different numbers of channels, a channel without elements, and a
// rank, percentile or level out of its range; Unimplemented if the table has no key_histogram; what the kernel returns.

#ifndef PARE_BACKENDS_SELECTION_H_
#define PARE_BACKENDS_SELECTION_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// A tensor, or one of several that are taken as one. What is selected from is x, or, with one of the others, a
// magnitude: SelectionKeys says how.
template <typename T>
struct SelectionPart {
  const T* x = nullptr;
  Layout layout;
  bool magnitude = false;
  const float* center = nullptr;  // [layout.channels], or null
  const float* scale = nullptr;   // [layout.channels], or null
};

struct SelectionOptions {
  // Whether x may be read by the host, for a sample. Not for memory of another device.
  bool host_memory = true;
  // Whether each x that is zero is left out, as if it were not there. A channel of nothing but zeros has the percentile
  // and the deviation NaN, and no ranks. Costs a pass.
  bool without_zeros = false;
};

// The number at each of the ranks (0 is the least, size - 1 the greatest) of each channel: [channels, ranks].
template <typename T>
absl::StatusOr<std::vector<float>> select_ranks(const KernelTable<T>& table, const Execution& execution,
                                                absl::Span<const SelectionPart<T>> parts,
                                                absl::Span<const int64_t> ranks, const SelectionOptions& options = {});

// Of each channel: between the two numbers around position (size - 1) * percent / 100, linearly, as NumPy's default.
// percent in [0, 100].
template <typename T>
absl::StatusOr<std::vector<float>> percentile(const KernelTable<T>& table, const Execution& execution,
                                              absl::Span<const SelectionPart<T>> parts, double percent,
                                              const SelectionOptions& options = {});

// Of each channel of one tensor: the median of |x - median(x)| (Rousseeuw and Croux 1993, eq. 1.3, without its factor).
// medians, which may be null, gets median(x).
template <typename T>
absl::StatusOr<std::vector<float>> median_absolute_deviation(const KernelTable<T>& table, const Execution& execution,
                                                             const Layout& layout, const T* x,
                                                             std::vector<float>* medians,
                                                             const SelectionOptions& options = {});

// The threshold that all but a share of about `level` of the magnitudes in all of the parts are above: that at index
// int((size - 1) * level) of their order (METHODS, magnitude_sparsity). level in [0, 1]. Parts of one channel, their
// `magnitude` set.
template <typename T>
absl::StatusOr<float> threshold_for_level(const KernelTable<T>& table, const Execution& execution,
                                          absl::Span<const SelectionPart<T>> parts, double level,
                                          const SelectionOptions& options = {});

}  // namespace pare::backends

#endif  // PARE_BACKENDS_SELECTION_H_
