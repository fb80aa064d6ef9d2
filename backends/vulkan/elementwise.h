// backends/vulkan/elementwise.h: a tensor of any size in pieces that a shader can bind, with the channel of each
// element.
//
//   for_each_piece(call, layout, sizeof(float), [&](const Piece& piece) {
//     call.dispatch(shaders::scale_f32, {piece.of(in, x), piece.of(out, y), step}, piece.constants,
//                   {piece.channel_mode}, piece.invocations);
//   });
//
// The shader says what is done with a group of 4 elements, and elementwise_main.glsl goes over all of them:
//
//   #include "channels.glsl"
//   layout(push_constant) uniform Push { PieceConstants piece; };  // other constants may follow
//   struct Parameters { vec4 step; };
//   Parameters parameters(uvec4 channel) { return Parameters(PER_CHANNEL(step, channel)); }
//   void visit(uint g, Parameters p) { y[g] = pack(unpack(x[g]) * p.step); }
//   #include "elementwise_main.glsl"
//
// Where runs of one channel are long (channel_mode 0), they are cut into blocks: a workgroup takes one block after the
// other, and its parameters are the same for all of its invocations. Where they are short, an invocation handles groups
// with the same channels, as far as the tensor repeats itself.

#ifndef PARE_BACKENDS_VULKAN_ELEMENTWISE_H_
#define PARE_BACKENDS_VULKAN_ELEMENTWISE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "backends/fast_divisor.h"
#include "backends/kernel_backend.h"
#include "backends/vulkan/call.h"

namespace pare::backends::vulkan {

// No piece has more elements, so that sums of two indices stay below 2^31.
inline constexpr int64_t kMaxIndex = int64_t{1} << 30;

// The same as PieceConstants of channels.glsl.
struct PieceConstants {
  uint32_t count;      // elements of the piece
  uint32_t channels;   // of the layout
  uint32_t channel;    // of the first element
  uint32_t remainder;  // its place within its run of `inner` elements
  FastDivisor inner;
  FastDivisor channels_divisor;
  // In groups of 4 elements, counted from the beginning of the first element's run. Only for channel_mode 0.
  uint32_t run_groups;
  uint32_t block_groups;
  uint32_t first_block, end_block;
  FastDivisor blocks_of_run;
  // Else: groups that are this far apart have the same channels; 0 where that is too far to be of use.
  uint32_t stride;
};

// Specialization constant 1 of shaders with channels.glsl: 0 for blocks of one channel, 1 where 4 elements that begin
// at a multiple of 4 are of one channel, 2 where they need not be.
enum ChannelMode : uint32_t { kBlocks = 0, kGroups = 1, kElements = 2 };

struct Piece {
  int64_t first;  // element of the tensor
  uint32_t channel_mode;
  uint64_t invocations;
  PieceConstants constants;

  // The piece's part of a buffer whose elements have that many bytes, and of one that holds elements of T.
  Buffer of(const Buffer& buffer, uint64_t element_bytes) const {
    return buffer.range(first * element_bytes, constants.count * element_bytes);
  }
  template <typename T>
  Buffer of(const Buffer& buffer, const T*) const {
    return of(buffer, sizeof(T));
  }
};

// Calls body for one piece after the other. Each begins at a multiple of 1024 elements, and has at most
// plan().buffer_range bytes of tensors whose elements have at most `widest_element_bytes`.
void for_each_piece(const Call& call, const Layout& layout, uint64_t widest_element_bytes,
                    absl::FunctionRef<void(const Piece&)> body);

// The same without a Call: at most `max_elements`, itself a multiple of 1024, for workgroups of local_size, of which
// loop_groups run at most.
void for_each_piece(const Layout& layout, int64_t max_elements, uint32_t local_size, uint32_t loop_groups,
                    absl::FunctionRef<void(const Piece&)> body);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_ELEMENTWISE_H_
