#include <algorithm>
#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/code_shaders.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status quantize_to_codes(const Execution&, const Layout& layout, const T* x, const QuantizationGrid& grid,
                               const int32_t* zero_point, uint8_t* codes, float* squared_error) {
  const Shader& shader =
      variant<T>(shaders::quantize_to_codes_f32, shaders::quantize_to_codes_f16, shaders::quantize_to_codes_bf16);
  const Shader& error_shader =
      variant<T>(shaders::codes_squared_error_f32, shaders::codes_squared_error_f16, shaders::codes_squared_error_bf16);
  struct ErrorPush {
    PieceConstants piece;
    uint32_t inner;
  };
  const int64_t channels = layout.channels;
  const bool has_error = squared_error != nullptr;
  Call call({x, grid.step, grid.inverse_step, grid.lowest, grid.highest, zero_point, codes, squared_error});
  const Buffer in = call.input(x, layout.size()), out = call.output(codes, layout.size());
  const Buffer inverse_step = call.input(grid.inverse_step, channels), lowest = call.input(grid.lowest, channels);
  const Buffer highest = call.input(grid.highest, channels), zero_points = call.input(zero_point, channels);
  const Buffer step = call.input(grid.step, has_error ? channels : 0);
  const Buffer error = call.output(squared_error, has_error ? channels : 0);
  call.fill(error, 0);
  for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
    call.dispatch(shader, {piece.of(in, x), piece.of(out, codes), inverse_step, lowest, highest, zero_points},
                  piece.constants, {piece.channel_mode}, piece.invocations);
    if (!has_error) return;
    // As for_each_piece() has it.
    const int64_t run = channels == 1 ? layout.size() : layout.inner;
    call.dispatch_groups(error_shader, {piece.of(in, x), step, inverse_step, lowest, highest, error},
                         ErrorPush{piece.constants, static_cast<uint32_t>(std::min(run, kMaxIndex))}, {},
                         std::min<int64_t>(channels, call.plan().loop_groups));
  });
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
