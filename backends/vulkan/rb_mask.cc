#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/rb_mask_shaders.h"

namespace pare::backends::vulkan {
namespace {

struct Words {
  explicit Words(uint64_t number) : low(static_cast<uint32_t>(number)), high(static_cast<uint32_t>(number >> 32)) {}
  uint32_t low, high;
};

}  // namespace

template <typename T>
absl::Status rb_mask_forward(const Execution&, int64_t size, const T* w, const float* logits,
                             const RandomStream* random, uint8_t* mask, T* y) {
  const Shader& shader =
      variant<T>(shaders::rb_mask_forward_f32, shaders::rb_mask_forward_f16, shaders::rb_mask_forward_bf16);
  struct Push {
    PieceConstants piece;
    Words first_block, seed, draw;
  };
  const RandomStream stream = random == nullptr ? RandomStream() : *random;
  const bool has_y = y != nullptr, has_mask = mask != nullptr;
  if (!has_mask && !has_y) return absl::OkStatus();
  Call call({w, logits, mask, y});
  const Buffer in = call.input(w, has_y ? size : 0), logit = call.input(logits, size);
  const Buffer bytes = call.output(mask, has_mask ? size : 0), out = call.output(y, has_y ? size : 0);
  for_each_piece(call, Layout::per_tensor(size), sizeof(float), [&](const Piece& piece) {
    // In place of what is not there, a buffer that is bound the same way already: it brings no hazard of its own.
    const Buffer logits_part = piece.of(logit, logits), mask_part = piece.of(bytes, mask), y_part = piece.of(out, y);
    call.dispatch(
        shader,
        {has_y ? piece.of(in, w) : logits_part, logits_part, has_mask ? mask_part : y_part, has_y ? y_part : mask_part},
        Push{piece.constants, Words(piece.first / 4), Words(stream.seed), Words(stream.draw)},
        {piece.channel_mode, random != nullptr, has_mask, has_y}, piece.invocations);
  });
  return call.finish();
}

template <typename T>
absl::Status rb_mask_backward(const Execution& execution, int64_t size, const T* dy, const T* w, const uint8_t* mask,
                              T* dw, float* d_logits) {
  if (d_logits == nullptr) return dw == nullptr ? absl::OkStatus() : apply_mask(execution, size, dy, mask, dw);
  const Shader& shader =
      variant<T>(shaders::rb_mask_backward_f32, shaders::rb_mask_backward_f16, shaders::rb_mask_backward_bf16);
  const bool has_dw = dw != nullptr;
  Call call({dy, w, mask, dw, d_logits});
  const Buffer gradient = call.input(dy, size), weights = call.input(w, size);
  const Buffer bytes = call.input(mask, has_dw ? size : 0);
  const Buffer out = call.output(dw, has_dw ? size : 0), logits = call.output(d_logits, size);
  for_each_piece(call, Layout::per_tensor(size), sizeof(float), [&](const Piece& piece) {
    const Buffer dy_part = piece.of(gradient, dy), logits_part = piece.of(logits, d_logits);
    call.dispatch(shader,
                  {dy_part, piece.of(weights, w), has_dw ? piece.of(bytes, mask) : dy_part,
                   has_dw ? piece.of(out, dw) : logits_part, logits_part},
                  piece.constants, {piece.channel_mode, has_dw}, piece.invocations);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                     \
  template absl::Status rb_mask_forward(const Execution&, int64_t, const T*, const float*, const RandomStream*, \
                                        uint8_t*, T*);                                                          \
  template absl::Status rb_mask_backward(const Execution&, int64_t, const T*, const T*, const uint8_t*, T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
