#include "backends/vulkan/elementwise.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace pare::backends::vulkan {
namespace {

// Pieces begin at multiples of it: also one bit an element is then a multiple of 16 bytes, a byte one of 256.
constexpr int64_t kPieceAlignment = 1024;
// Long enough that a block's parameters cost nothing, short enough that there is work for all.
constexpr uint32_t kBlockLoops = 16;

// `groups` is the piece's size.
void cut_into_blocks(PieceConstants& constants, uint32_t run_groups, uint32_t groups, uint32_t local_size) {
  constants.run_groups = run_groups;
  constants.block_groups = std::min(run_groups, kBlockLoops * local_size);
  const uint32_t blocks_of_run = (run_groups + constants.block_groups - 1) / constants.block_groups;
  constants.blocks_of_run = fast_divisor(blocks_of_run);
  const auto block_of = [&](uint32_t group) {
    return group / run_groups * blocks_of_run + group % run_groups / constants.block_groups;
  };
  const uint32_t first = constants.remainder / 4;
  constants.first_block = block_of(first);
  constants.end_block = block_of(first + groups - 1) + 1;
}

// A distance at which groups have the same channels, so long that there are invocations for every group in between; 0
// if the tensor repeats itself too seldom for that to be of use.
uint32_t repeating_stride(const Layout& layout, uint64_t groups, uint64_t max_invocations) {
  if (layout.channels > kMaxIndex || layout.inner > kMaxIndex) return 0;
  const uint64_t period = std::lcm<uint64_t>(layout.channels * layout.inner, 4) / 4;
  constexpr uint64_t kGoodLoops = 16, kLeastLoops = 4;
  const uint64_t good = std::min(groups / kGoodLoops, max_invocations);
  if (period <= good) return good / period * period;
  return period <= std::min(groups / kLeastLoops, max_invocations) ? period : 0;
}

}  // namespace

void for_each_piece(const Call& call, const Layout& layout, uint64_t widest_element_bytes,
                    absl::FunctionRef<void(const Piece&)> body) {
  if (!call.ok()) return;
  const int64_t fitting = call.plan().buffer_range / widest_element_bytes;
  for_each_piece(layout, std::max(fitting / kPieceAlignment * kPieceAlignment, kPieceAlignment), call.plan().local_size,
                 call.plan().loop_groups, body);
}

void for_each_piece(const Layout& layout, int64_t max_elements, uint32_t local_size, uint32_t loop_groups,
                    absl::FunctionRef<void(const Piece&)> body) {
  const int64_t size = layout.size(), step = std::min(max_elements, kMaxIndex);
  if (size == 0) return;
  // One channel: everything is one run.
  const int64_t channels = layout.channels, inner = channels == 1 ? std::max<int64_t>(size, 1) : layout.inner;
  const bool whole_groups = channels == 1 || inner % 4 == 0;
  // Blocks that an invocation soon leaves again are worse than groups whose channels come again and again.
  const bool long_runs = channels == 1 || inner / 4 >= kBlockLoops * int64_t{local_size};
  const bool repeats = repeating_stride(layout, (std::min(step, size) + 3) / 4, uint64_t{loop_groups} * local_size) > 0;
  const bool blocks = long_runs || (!repeats && inner / 4 >= int64_t{local_size});
  const ChannelMode mode = !whole_groups ? kElements : blocks ? kBlocks : kGroups;
  for (int64_t first = 0; first < size; first += step) {
    const int64_t count = std::min(step, size - first);
    PieceConstants constants{};
    constants.count = count;
    int64_t remainder = first % inner;
    if (inner > kMaxIndex) {
      // At most one run ends in the piece: runs of kMaxIndex that end where it does are the same.
      const int64_t left = inner - remainder;
      remainder = left <= count ? kMaxIndex - left : 0;
    }
    const int64_t run = std::min(inner, kMaxIndex);
    constants.channels = std::min(channels, kMaxIndex);
    constants.channel = first / inner % channels;
    constants.remainder = remainder;
    constants.inner = fast_divisor(run);
    constants.channels_divisor = fast_divisor(constants.channels);
    const uint32_t groups = (count + 3) / 4;
    uint64_t invocations = groups;
    if (mode == kBlocks) {
      cut_into_blocks(constants, (run + 3) / 4, groups, local_size);
      invocations = uint64_t{constants.end_block - constants.first_block} * local_size;
    } else {
      constants.stride = repeating_stride(layout, groups, uint64_t{loop_groups} * local_size);
      if (constants.stride > 0) invocations = constants.stride;
    }
    body({first, mode, invocations, constants});
  }
}

}  // namespace pare::backends::vulkan
