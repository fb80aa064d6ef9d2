#include "backends/vulkan/call.h"
#include "backends/vulkan/copy_shaders.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"

namespace pare::backends::vulkan {

absl::Status copy_bytes(const uint8_t* x, int64_t bytes, uint8_t* y) {
  Call call({x, y});
  const Buffer in = call.input(x, bytes), out = call.output(y, bytes);
  // As words: the bytes behind the last one are the buffer's own.
  const int64_t words = (bytes + 3) / 4;
  for_each_piece(call, Layout::per_tensor(words), sizeof(float), [&](const Piece& piece) {
    call.dispatch(shaders::copy, {piece.of(in, sizeof(float)), piece.of(out, sizeof(float))}, piece.constants,
                  {piece.channel_mode}, piece.invocations);
  });
  return call.finish();
}

}  // namespace pare::backends::vulkan
