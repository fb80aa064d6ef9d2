#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/reduction_shaders.h"

namespace pare::backends::vulkan {
namespace {

// The extremes of the numbers, or only the greatest of their magnitudes: the same shader.
template <typename T>
void extremes(Call& call, const Layout& layout, const T* x, const Buffer& first, const Buffer& second,
              bool of_magnitudes) {
  const Buffer in = call.input(x, layout.size());
  const Reduction reduction{PARE_COMBINE_SHADER(call.plan(), extremes),
                            2 * sizeof(uint32_t),
                            {first, second, second},
                            sizeof(float),
                            of_magnitudes ? 2u : 1u};
  reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
    call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), min_max), {section.of(in, x), partial},
                         section.constants, section.modes(of_magnitudes ? 1 : 0), section.groups);
  });
}

}  // namespace

template <typename T>
absl::Status min_max(const Execution&, const Layout& layout, const T* x, float* min, float* max) {
  Call call({x, min, max});
  const Buffer least = call.output(min, layout.channels), greatest = call.output(max, layout.channels);
  extremes(call, layout, x, least, greatest, false);
  return call.finish();
}

template <typename T>
absl::Status abs_max(const Execution&, const Layout& layout, const T* x, float* abs_max) {
  Call call({x, abs_max});
  const Buffer greatest = call.output(abs_max, layout.channels);
  extremes(call, layout, x, greatest, greatest, true);
  return call.finish();
}

template <typename T>
absl::Status mean_variance(const Execution&, const Layout& layout, const T* x, float* mean, float* variance) {
  Call call({x, mean, variance});
  const Buffer in = call.input(x, layout.size());
  const Buffer means = call.output(mean, layout.channels), variances = call.output(variance, layout.channels);
  const Reduction reduction{
      PARE_COMBINE_SHADER(call.plan(), moments), 4 * sizeof(float), {means, variances, variances}, sizeof(float)};
  reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
    call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), mean_variance), {section.of(in, x), partial},
                         section.constants, section.modes(), section.groups);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                 \
  template absl::Status min_max(const Execution&, const Layout&, const T*, float*, float*); \
  template absl::Status abs_max(const Execution&, const Layout&, const T*, float*);         \
  template absl::Status mean_variance(const Execution&, const Layout&, const T*, float*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
