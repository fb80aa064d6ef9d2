#include "backends/vulkan/binarize_shaders.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"

namespace pare::backends::vulkan {

template <typename T>
absl::Status binarize_weights(const Execution&, const Layout& layout, const T* x, const float* scale, T* y) {
  const Shader& shader =
      variant<T>(shaders::binarize_weights_f32, shaders::binarize_weights_f16, shaders::binarize_weights_bf16);
  Call call({x, scale, y});
  const Buffer in = call.input(x, layout.size()), out = call.output(y, layout.size());
  const Buffer scales = call.input(scale, layout.channels);
  for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
    call.dispatch(shader, {piece.of(in, x), piece.of(out, y), scales}, piece.constants, {piece.channel_mode},
                  piece.invocations);
  });
  return call.finish();
}

template <typename T>
absl::Status binarize_activations_forward(const Execution&, const Layout& layout, const T* x, const float* scale,
                                          const float* threshold, T* y) {
  const Shader& shader =
      variant<T>(shaders::binarize_activations_forward_f32, shaders::binarize_activations_forward_f16,
                 shaders::binarize_activations_forward_bf16);
  Call call({x, scale, threshold, y});
  const Buffer in = call.input(x, layout.size()), out = call.output(y, layout.size());
  const Buffer one_scale = call.input(scale, 1), thresholds = call.input(threshold, layout.channels);
  for_each_piece(call, layout, sizeof(T), [&](const Piece& piece) {
    call.dispatch(shader, {piece.of(in, x), piece.of(out, y), one_scale, thresholds}, piece.constants,
                  {piece.channel_mode}, piece.invocations);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                   \
  template absl::Status binarize_weights(const Execution&, const Layout&, const T*, const float*, T*);        \
  template absl::Status binarize_activations_forward(const Execution&, const Layout&, const T*, const float*, \
                                                     const float*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
