#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/fake_quantize_shaders.h"
#include "backends/vulkan/kernels.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status fake_quantize_forward(const Execution&, const Layout& layout, const T* x, const QuantizationGrid& grid,
                                   T* y) {
  const Shader& shader = variant<T>(shaders::fake_quantize_forward_f32, shaders::fake_quantize_forward_f16,
                                    shaders::fake_quantize_forward_bf16);
  Call call({x, y, grid.step, grid.inverse_step, grid.lowest, grid.highest});
  const Buffer in = call.input(x, layout.size()), out = call.output(y, layout.size());
  const Buffer step = call.input(grid.step, layout.channels);
  const Buffer inverse_step = call.input(grid.inverse_step, layout.channels);
  const Buffer lowest = call.input(grid.lowest, layout.channels), highest = call.input(grid.highest, layout.channels);
  for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
    call.dispatch(shader, {piece.of(in, x), piece.of(out, y), step, inverse_step, lowest, highest}, piece.constants,
                  {piece.channel_mode}, piece.invocations);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status fake_quantize_forward(const Execution&, const Layout&, const T*, const QuantizationGrid&, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
