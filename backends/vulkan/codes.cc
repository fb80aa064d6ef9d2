#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/code_shaders.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/reduction_shaders.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status quantize_to_codes(const Execution&, const Layout& layout, const T* x, const QuantizationGrid& grid,
                               const int32_t* zero_point, uint8_t* codes, float* squared_error) {
  const Shader& shader =
      variant<T>(shaders::quantize_to_codes_f32, shaders::quantize_to_codes_f16, shaders::quantize_to_codes_bf16);
  const int64_t channels = layout.channels;
  const bool has_error = squared_error != nullptr;
  Call call({x, grid.step, grid.inverse_step, grid.lowest, grid.highest, zero_point, codes, squared_error});
  const Buffer in = call.input(x, layout.size()), out = call.output(codes, layout.size());
  const Buffer inverse_step = call.input(grid.inverse_step, channels), lowest = call.input(grid.lowest, channels);
  const Buffer highest = call.input(grid.highest, channels), zero_points = call.input(zero_point, channels);
  // Where elements come in groups, one dispatch makes both.
  const bool at_once = has_error && in_groups(layout);
  if (has_error) {
    const Buffer step = call.input(grid.step, channels), error = call.output(squared_error, channels);
    const Buffer unwanted = call.scratch(channels * sizeof(float));
    const Reduction reduction{
        PARE_COMBINE_SHADER(call.plan(), sums), 4 * sizeof(float), {error, unwanted, unwanted}, sizeof(float)};
    reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
      call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), codes_error),
                           {section.of(in, x), step, inverse_step, lowest, highest, zero_points,
                            at_once ? section.of(out, codes) : zero_points, partial},
                           section.constants, section.modes(at_once ? 1 : 0), section.groups);
    });
  }
  if (!at_once) {
    for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
      call.dispatch(shader, {piece.of(in, x), piece.of(out, codes), inverse_step, lowest, highest, zero_points},
                    piece.constants, {piece.channel_mode}, piece.invocations);
    });
  }
  return call.finish();
}

template <typename T>
absl::Status dequantize_codes(const Execution&, const Layout& layout, const uint8_t* codes, bool is_signed,
                              const float* step, const int32_t* zero_point, T* y) {
  const Shader& shader =
      variant<T>(shaders::dequantize_codes_f32, shaders::dequantize_codes_f16, shaders::dequantize_codes_bf16);
  Call call({codes, step, zero_point, y});
  const Buffer in = call.input(codes, layout.size()), out = call.output(y, layout.size());
  const Buffer steps = call.input(step, layout.channels), zero_points = call.input(zero_point, layout.channels);
  for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
    call.dispatch(shader, {piece.of(in, codes), piece.of(out, y), steps, zero_points}, piece.constants,
                  {piece.channel_mode, is_signed}, piece.invocations);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                   \
  template absl::Status quantize_to_codes(const Execution&, const Layout&, const T*, const QuantizationGrid&, \
                                          const int32_t*, uint8_t*, float*);                                  \
  template absl::Status dequantize_codes(const Execution&, const Layout&, const uint8_t*, bool, const float*, \
                                         const int32_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
