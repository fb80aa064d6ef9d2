#include <cmath>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

template <typename T>
absl::Status key_histogram(const Execution&, const Layout& layout, const T* x, const SelectionKeys& keys,
                           const KeyBins& bins, int64_t* counts) {
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const uint32_t key = selection_key(selected_number(keys, c, to_float(x[i])));
    int64_t* const channel_counts = counts + c * bins.counts();
    if (key < bins.low[c]) {
      ++channel_counts[0];
    } else {
      const int64_t bin = (key - bins.low[c]) >> bins.shift;
      ++channel_counts[bin < bins.bins ? 1 + bin : bins.bins + 1];
    }
  });
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status key_histogram(const Execution&, const Layout&, const T*, const SelectionKeys&, const KeyBins&, \
                                      int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
