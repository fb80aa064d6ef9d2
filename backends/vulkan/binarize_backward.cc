#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/reduction_shaders.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status binarize_activations_backward(const Execution&, const Layout& layout, const T* dy, const T* x,
                                           const float* scale, const float* threshold, T* dx,
                                           const BinarizationSums* sums) {
  const BinarizationSums wanted = sums != nullptr ? *sums : BinarizationSums{};
  Call call({dy, x, scale, threshold, dx, wanted.inside, wanted.above, wanted.between});
  const int64_t size = layout.size(), channels = layout.channels;
  const Buffer gradient = call.input(dy, size), in = call.input(x, size), one_scale = call.input(scale, 1);
  const Buffer thresholds = call.input(threshold, channels);
  const Buffer out = dx != nullptr ? call.output(dx, size) : Buffer();
  // Where elements come in groups, or a word is an element, one dispatch makes both.
  const bool at_once = dx != nullptr && sums != nullptr && (in_groups(layout) || sizeof(T) == sizeof(uint32_t));
  if (sums != nullptr) {
    const Buffer inside = call.output(wanted.inside, channels), above = call.output(wanted.above, channels),
                 between = call.output(wanted.between, channels);
    const Reduction reduction{
        PARE_COMBINE_SHADER(call.plan(), sums), 4 * sizeof(float), {inside, above, between}, sizeof(float)};
    reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
      call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), binarize_sums),
                           {section.of(gradient, dy), section.of(in, x), one_scale, thresholds,
                            at_once ? section.of(out, dx) : section.of(in, x), partial},
                           section.constants, section.modes(at_once ? 1 : 0), section.groups);
    });
  }
  if (dx != nullptr && !at_once) {
    const Shader& shader = variant<T>(shaders::binarize_dx_f32, shaders::binarize_dx_f16, shaders::binarize_dx_bf16);
    for_each_piece(call, Layout::per_tensor(size), sizeof(T), [&](const Piece& piece) {
      call.dispatch(shader, {piece.of(gradient, dy), piece.of(in, x), one_scale, piece.of(out, dx)},
                    piece.constants.count, {}, piece.invocations);
    });
  }
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                \
  template absl::Status binarize_activations_backward(const Execution&, const Layout&, const T*, const T*, \
                                                      const float*, const float*, T*, const BinarizationSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
