#include "backends/vulkan/elementwise.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

uint32_t channel_of_run(const PieceConstants& constants, uint32_t run) {
  return run - constants.channels * divide(run, constants.channels_divisor);
}

int64_t channel_of(const PieceConstants& constants, uint32_t i) {
  return channel_of_run(constants, constants.channel + divide(constants.remainder + i, constants.inner));
}

struct Block {
  uint32_t channel, begin, end;
};
Block block_at(const PieceConstants& piece, uint32_t index) {
  const uint32_t run = divide(index, piece.blocks_of_run);
  const uint32_t blocks_of_run = (piece.run_groups + piece.block_groups - 1) / piece.block_groups;
  const uint32_t begin = run * piece.run_groups + (index - run * blocks_of_run) * piece.block_groups;
  const uint32_t end = std::min(begin + piece.block_groups, (run + 1) * piece.run_groups);
  const uint32_t before = piece.remainder / 4;
  return {channel_of_run(piece, piece.channel + run), std::max(begin, before) - before,
          std::min(end - before, (piece.count + 3) / 4)};
}

constexpr uint32_t kLocalSize = 64;
constexpr uint32_t kLoopGroups = 1000;

TEST(ForEachPiece, CoversEveryElementWithItsChannel) {
  const int64_t big = int64_t{1} << 31;
  for (const Layout& layout :
       {Layout{1, 1, 0}, Layout{2, 3, 0}, Layout{0, 3, 8}, Layout{1, 1, 5000}, Layout{3, 7, 1000}, Layout{2000, 5, 1},
        Layout{1, 4000, 3}, Layout{5, 1, 999}, Layout{1, 1, 3 * big}, Layout{2, 3, big + 12}, Layout{1, 7, big / 2 - 1},
        Layout{1, big / 8, 100}, Layout{big, 3, 1}, Layout{1 << 20, 6, 7}}) {
    for (int64_t most : {int64_t{1024}, int64_t{1} << 20, int64_t{1} << 29, int64_t{1} << 40}) {
      if (layout.size() / most > 5'000) continue;
      int64_t next = 0;
      std::mt19937 random(5);
      for_each_piece(layout, most, kLocalSize, kLoopGroups, [&](const Piece& piece) {
        ASSERT_EQ(piece.first, next);
        ASSERT_EQ(piece.first % 1024, 0);
        ASSERT_GT(piece.constants.count, 0);
        ASSERT_LE(piece.constants.count, most);
        next += piece.constants.count;
        std::vector<uint32_t> elements = {0, piece.constants.count - 1, (piece.constants.count - 1) / 4 * 4 + 3};
        for (int i = 0; i < 50; ++i) elements.push_back(random() % piece.constants.count);
        // And around the ends of runs.
        const int64_t run_end = (piece.first / layout.inner + 1) * layout.inner - piece.first;
        if (run_end < piece.constants.count)
          elements.insert(elements.end(), {uint32_t(run_end - 1), uint32_t(run_end)});
        for (uint32_t i : elements) {
          const int64_t expected = (piece.first + i) / layout.inner % layout.channels;
          if (layout.channels > 1) {
            ASSERT_EQ(channel_of(piece.constants, i), expected)
                << "element " << piece.first + i << " of [" << layout.outer << ", " << layout.channels << ", "
                << layout.inner << "]";
          }
          // Four at a time are of one channel where the mode says so.
          if (piece.channel_mode != kElements) {
            ASSERT_EQ(channel_of(piece.constants, i / 4 * 4), expected);
          }
        }
        const uint32_t stride = piece.constants.stride;
        if (stride > 0) {
          ASSERT_EQ(piece.invocations, stride);
          ASSERT_LE(stride, kLocalSize * kLoopGroups);
          const uint32_t i = random() % (piece.constants.count - 4 * stride);
          ASSERT_EQ(channel_of(piece.constants, i), channel_of(piece.constants, i + 4 * stride));
        }
        if (piece.channel_mode != kBlocks) return;
        // Blocks follow each other without gap, each within a run.
        uint32_t group = 0;
        const uint32_t first = piece.constants.first_block, end = piece.constants.end_block;
        for (uint32_t b = first; b < end; b = b + 1 < end && b > first + 1000 ? end - 1 : b + 1) {
          const Block block = block_at(piece.constants, b);
          if (b <= first + 1000) {
            ASSERT_EQ(block.begin, group);
          }
          ASSERT_LT(block.begin, block.end);
          ASSERT_EQ(block.channel, (piece.first + int64_t{block.begin} * 4) / layout.inner % layout.channels);
          ASSERT_EQ(block.channel, (piece.first + int64_t{block.end} * 4 - 4) / layout.inner % layout.channels);
          group = block.end;
        }
        ASSERT_EQ(group, (piece.constants.count + 3) / 4);
      });
      EXPECT_EQ(next, layout.size());
    }
  }
}

}  // namespace
}  // namespace pare::backends::vulkan
