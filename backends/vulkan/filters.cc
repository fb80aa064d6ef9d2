#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/reduction_shaders.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status filter_norms(const Execution&, const Layout& layout, const T* x, float* l1, float* l2) {
  Call call({x, l1, l2});
  const Buffer in = call.input(x, layout.size());
  // What is not wanted is computed as well: it costs nothing beside reading x.
  const Buffer unwanted = call.scratch(layout.channels * sizeof(float));
  const Buffer first = l1 != nullptr ? call.output(l1, layout.channels) : unwanted;
  const Buffer second = l2 != nullptr ? call.output(l2, layout.channels) : unwanted;
  const Reduction reduction{
      PARE_COMBINE_SHADER(call.plan(), sums), 4 * sizeof(float), {first, second, unwanted}, sizeof(float), 2};
  reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
    call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), filter_norms), {section.of(in, x), partial},
                         section.constants, section.modes(), section.groups);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status filter_norms(const Execution&, const Layout&, const T*, float*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
