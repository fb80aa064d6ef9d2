#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/reduction_shaders.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status fake_quantize_backward(const Execution&, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums) {
  const FakeQuantizeSums wanted = sums != nullptr ? *sums : FakeQuantizeSums{};
  Call call(
      {dy, x, grid.step, grid.inverse_step, grid.lowest, grid.highest, dx, wanted.inside, wanted.above, wanted.below});
  const int64_t size = layout.size(), channels = layout.channels;
  const Buffer gradient = call.input(dy, size), in = call.input(x, size);
  const Buffer step = call.input(grid.step, channels), inverse_step = call.input(grid.inverse_step, channels);
  const Buffer lowest = call.input(grid.lowest, channels), highest = call.input(grid.highest, channels);
  const Buffer out = dx != nullptr ? call.output(dx, size) : Buffer();
  // Where elements come in groups, or a word is an element, one dispatch makes both.
  const bool at_once = dx != nullptr && sums != nullptr && (in_groups(layout) || sizeof(T) == sizeof(uint32_t));
  if (sums != nullptr) {
    const Buffer inside = call.output(wanted.inside, channels), above = call.output(wanted.above, channels),
                 below = call.output(wanted.below, channels);
    const Reduction reduction{
        PARE_COMBINE_SHADER(call.plan(), sums), 4 * sizeof(float), {inside, above, below}, sizeof(float)};
    reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
      call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), fake_quantize_sums),
                           {section.of(gradient, dy), section.of(in, x), step, lowest, highest, inverse_step,
                            at_once ? section.of(out, dx) : section.of(in, x), partial},
                           section.constants, section.modes(at_once ? 1 : 0), section.groups);
    });
  }
  if (dx != nullptr && !at_once) {
    const Shader& shader =
        variant<T>(shaders::fake_quantize_dx_f32, shaders::fake_quantize_dx_f16, shaders::fake_quantize_dx_bf16);
    for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
      call.dispatch(shader, {piece.of(gradient, dy), piece.of(in, x), step, lowest, highest, piece.of(out, dx)},
                    piece.constants, {piece.channel_mode}, piece.invocations);
    });
  }
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                         \
  template absl::Status fake_quantize_backward(const Execution&, const Layout&, const T*, const T*, \
                                               const QuantizationGrid&, T*, const FakeQuantizeSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
