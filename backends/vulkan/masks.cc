#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/mask_shaders.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status magnitude_mask(const Execution&, const Layout& layout, const T* x, const float* scale, float threshold,
                            uint8_t* mask, T* y) {
  const Shader& shader =
      variant<T>(shaders::magnitude_mask_f32, shaders::magnitude_mask_f16, shaders::magnitude_mask_bf16);
  struct Push {
    PieceConstants piece;
    float threshold;
  };
  const bool has_mask = mask != nullptr, has_y = y != nullptr;
  if (!has_mask && !has_y) return absl::OkStatus();
  Call call({x, scale, mask, y});
  const int64_t size = layout.size();
  const Buffer in = call.input(x, size);
  const Buffer scales = call.input(scale, scale == nullptr ? 0 : layout.channels);
  const Buffer bytes = call.output(mask, has_mask ? size : 0), out = call.output(y, has_y ? size : 0);
  for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
    // In place of what is not there, a buffer that is bound the same way already: it brings no hazard of its own.
    const Buffer x_part = piece.of(in, x), mask_part = piece.of(bytes, mask), y_part = piece.of(out, y);
    call.dispatch(shader,
                  {x_part, scale == nullptr ? x_part.read_only() : scales, has_mask ? mask_part : y_part,
                   has_y ? y_part : mask_part},
                  Push{piece.constants, threshold}, {piece.channel_mode, scale != nullptr, has_mask, has_y},
                  piece.invocations);
  });
  return call.finish();
}

template <typename T>
absl::Status apply_mask(const Execution&, int64_t size, const T* x, const uint8_t* mask, T* y) {
  const Shader& shader = variant<T>(shaders::apply_mask_f32, shaders::apply_mask_f16, shaders::apply_mask_bf16);
  Call call({x, mask, y});
  const Buffer in = call.input(x, size), bytes = call.input(mask, size), out = call.output(y, size);
  for_each_piece(call, Layout::per_tensor(size), sizeof(T), [&](const Piece& piece) {
    call.dispatch(shader, {piece.of(in, x), piece.of(bytes, mask), piece.of(out, y)}, piece.constants,
                  {piece.channel_mode}, piece.invocations);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                           \
  template absl::Status magnitude_mask(const Execution&, const Layout&, const T*, const float*, float, uint8_t*, T*); \
  template absl::Status apply_mask(const Execution&, int64_t, const T*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
