#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/code_shaders.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"

namespace pare::backends::vulkan {

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
  template absl::Status dequantize_codes(const Execution&, const Layout&, const uint8_t*, bool, const float*, \
                                         const int32_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
