#include "backends/vulkan/elementwise.h"

#include <algorithm>
#include <bit>

namespace pare::backends::vulkan {
namespace {

// Pieces begin at multiples of it: also one bit an element is then a multiple of 16 bytes, a byte one of 256.
constexpr int64_t kPieceAlignment = 1024;
// Indices and sums of two of them stay below 2^31.
constexpr int64_t kMaxIndex = int64_t{1} << 30;

}  // namespace

FastDivisor fast_divisor(uint32_t divisor) {
  // multiplier = ceil(2^(31 + shift) / divisor) with 2^(shift - 1) < divisor <= 2^shift: it is too large by e / divisor
  // with e < divisor, and n * e < 2^(31 + shift), so the quotient is not changed.
  const uint32_t shift = std::bit_width(divisor - 1);
  const uint64_t power = uint64_t{1} << (31 + shift);
  return {static_cast<uint32_t>((power + divisor - 1) / divisor), shift};
}

void for_each_piece(const Call& call, const Layout& layout, uint64_t widest_element_bytes,
                    absl::FunctionRef<void(const Piece&)> body) {
  if (!call.ok()) return;
  const int64_t fitting = call.plan().buffer_range / widest_element_bytes;
  for_each_piece(layout, std::max(fitting / kPieceAlignment * kPieceAlignment, kPieceAlignment), body);
}

void for_each_piece(const Layout& layout, int64_t max_elements, absl::FunctionRef<void(const Piece&)> body) {
  const int64_t size = layout.size(), step = std::min(max_elements, kMaxIndex);
  const bool per_tensor = layout.channels == 1;
  for (int64_t first = 0; first < size; first += step) {
    const int64_t count = std::min(step, size - first);
    PieceConstants constants{};
    constants.count = count;
    // One channel: everything is one run.
    const int64_t inner = per_tensor ? kMaxIndex : layout.inner;
    int64_t remainder = per_tensor ? 0 : first % inner;
    if (inner > kMaxIndex) {
      // At most one run ends in the piece: runs of kMaxIndex that end where it does are the same.
      const int64_t left = inner - remainder;
      remainder = left <= count ? kMaxIndex - left : 0;
    }
    constants.channels = std::min(layout.channels, kMaxIndex);
    constants.channel = per_tensor ? 0 : first / inner % layout.channels;
    constants.remainder = remainder;
    constants.inner = fast_divisor(std::min(inner, kMaxIndex));
    constants.channels_divisor = fast_divisor(constants.channels);
    body({first, constants});
  }
}

uint32_t channel_mode(const Layout& layout) {
  if (layout.channels == 1) return 0;
  return layout.inner % 4 == 0 ? 1 : 2;
}

}  // namespace pare::backends::vulkan
