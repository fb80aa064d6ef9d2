#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/n_of_m_shaders.h"

namespace pare::backends::vulkan {
namespace {

// What pieces begin at multiples of: with it every type's bytes begin where a buffer may be bound.
constexpr int64_t kAlignment = 1024;

}  // namespace

template <typename T>
absl::Status n_of_m_mask(const Execution&, const Layout& layout, const T* x, int n, int m, uint8_t* mask) {
  const Shader& shader = variant<T>(shaders::n_of_m_mask_f32, shaders::n_of_m_mask_f16, shaders::n_of_m_mask_bf16);
  struct Push {
    PieceConstants piece;
    uint32_t n, m, inner, before;
  };
  Call call({x, mask});
  const int64_t size = layout.size(), reach = (std::min<int64_t>(m, layout.channels) - 1) * layout.inner;
  const Buffer in = call.input(x, size), out = call.output(mask, size);
  if (!call.ok()) return call.finish();

  // A piece of the mask looks as far as `reach` to both sides of x.
  int64_t most = call.plan().buffer_range / sizeof(T) / kAlignment * kAlignment;
  if (size > most) most = (most - 2 * reach) / kAlignment * kAlignment - kAlignment;
  if (most <= 0) {
    call.fail(absl::UnimplementedError(absl::StrCat(
        "n_of_m_mask: ", m, " channels of ", layout.inner, " elements are more than the Vulkan device binds at once (",
        call.plan().buffer_range, " bytes); compute this mask with another backend")));
    return call.finish();
  }
  for_each_piece(layout, most, call.plan().local_size, call.plan().loop_groups, [&](const Piece& piece) {
    const int64_t begin = std::max<int64_t>(piece.first - reach, 0) / kAlignment * kAlignment;
    const int64_t end = std::min(piece.first + piece.constants.count + reach, size);
    call.dispatch(shader, {in.range(begin * sizeof(T), (end - begin) * sizeof(T)), piece.of(out, mask)},
                  Push{piece.constants, static_cast<uint32_t>(n), static_cast<uint32_t>(m),
                       static_cast<uint32_t>(layout.inner), static_cast<uint32_t>((piece.first - begin) / 4)},
                  {piece.channel_mode}, piece.invocations);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status n_of_m_mask(const Execution&, const Layout&, const T*, int, int, uint8_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
