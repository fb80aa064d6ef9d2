#include <cstdint>

#include "backends/selection_key.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/reduction_shaders.h"

namespace pare::backends::vulkan {
namespace {

// The same as count.comp's.
struct CountConstants {
  SectionConstants section;
  uint32_t threshold;
};

template <typename T>
absl::Status count(const Layout& layout, const T* x, bool above, float threshold, int64_t* counts) {
  Call call({x, counts});
  const Buffer in = call.input(x, layout.size()), out = call.output(counts, layout.channels);
  const Reduction reduction{
      PARE_COMBINE_SHADER(call.plan(), counts), 2 * sizeof(uint32_t), {out, out, out}, sizeof(int64_t)};
  reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
    call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), count), {section.of(in, x), partial},
                         CountConstants{section.constants, selection_key(threshold)}, section.modes(above ? 1 : 0),
                         section.groups);
  });
  return call.finish();
}

}  // namespace

template <typename T>
absl::Status count_zeros(const Execution&, const Layout& layout, const T* x, int64_t* counts) {
  return count(layout, x, false, 0.0f, counts);
}

template <typename T>
absl::Status count_above(const Execution&, const Layout& layout, const T* x, float threshold, int64_t* counts) {
  return count(layout, x, true, threshold, counts);
}

#define PARE_INSTANTIATE(T)                                                               \
  template absl::Status count_zeros(const Execution&, const Layout&, const T*, int64_t*); \
  template absl::Status count_above(const Execution&, const Layout&, const T*, float, int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
