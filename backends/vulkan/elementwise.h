// backends/vulkan/elementwise.h: a tensor of any size in pieces that a shader can bind, with the channel of each
// element.
//
//   for_each_piece(call, layout, sizeof(float), [&](const Piece& piece) {
//     call.dispatch(shaders::scale_f32, {piece.of(in, x), piece.of(out, y), step}, piece.constants,
//                   {channel_mode(layout)}, piece.groups());
//   });
//
// The shader has `layout(push_constant) uniform Push { PieceConstants piece; };` of channels.glsl (other constants may
// follow), and asks channels_of(piece, i) for the channels of its 4 elements.

#ifndef PARE_BACKENDS_VULKAN_ELEMENTWISE_H_
#define PARE_BACKENDS_VULKAN_ELEMENTWISE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "backends/kernel_backend.h"
#include "backends/vulkan/call.h"

namespace pare::backends::vulkan {

// As PieceConstants of channels.glsl. With n < 2^31, n / divisor is the high word of 2 n * multiplier, shifted: exact,
// and many times faster than a division.
struct FastDivisor {
  uint32_t multiplier;
  uint32_t shift;
};
FastDivisor fast_divisor(uint32_t divisor);  // 1 to 2^31 - 1

struct PieceConstants {
  uint32_t count;      // elements of the piece
  uint32_t channels;   // of the layout
  uint32_t channel;    // of the first element
  uint32_t remainder;  // its place within the run of `inner` elements
  FastDivisor inner;
  FastDivisor channels_divisor;
};

struct Piece {
  int64_t first;  // element of the tensor
  PieceConstants constants;

  // The piece's part of a buffer whose elements have that many bytes, and of one that holds elements of T.
  Buffer of(const Buffer& buffer, uint64_t element_bytes) const {
    return buffer.range(first * element_bytes, constants.count * element_bytes);
  }
  template <typename T>
  Buffer of(const Buffer& buffer, const T*) const {
    return of(buffer, sizeof(T));
  }
  // Of 4 elements: what an invocation handles.
  uint64_t groups() const { return (uint64_t{constants.count} + 3) / 4; }
};

// Calls body for one piece after the other. Each begins at a multiple of 1024 elements, and has at most
// plan().buffer_range bytes of tensors whose elements have at most `widest_element_bytes`.
void for_each_piece(const Call& call, const Layout& layout, uint64_t widest_element_bytes,
                    absl::FunctionRef<void(const Piece&)> body);

// The same without a Call: at most `max_elements`, itself a multiple of 1024.
void for_each_piece(const Layout& layout, int64_t max_elements, absl::FunctionRef<void(const Piece&)> body);

// Specialization constant 1 of shaders with channels.glsl: 0 if there is one channel, 1 if 4 elements that begin at a
// multiple of 4 are always of one channel, else 2.
uint32_t channel_mode(const Layout& layout);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_ELEMENTWISE_H_
