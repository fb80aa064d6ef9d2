#include "backends/cpu/partition.h"

#include <vector>

#include "gtest/gtest.h"

namespace pare::backends::cpu {
namespace {

constexpr Layout kLayouts[] = {{1, 1, 0},    {0, 3, 5},          {2, 3, 0},           {1, 1, 1},
                               {7, 1, 3},    {1, 1, 100000},     {3, 4, 5},           {5, 2, 1},
                               {2000, 3, 4}, {2, 3, kPieceSize}, {2, 3, 2 * 2048 + 1}};

// Every element of the layout once, with its channel.
void expect_visited_once(const Layout& layout, const std::vector<int64_t>& channel_of) {
  for (int64_t i = 0; i < layout.size(); ++i) {
    ASSERT_EQ(channel_of[i], i / layout.inner % layout.channels) << "element " << i;
  }
}

TEST(Partition, SpansCoverEveryElementOnce) {
  for (const Layout& layout : kLayouts) {
    std::vector<int64_t> channel_of(layout.size(), -1);
    for_each_span({}, layout, [&](int64_t first, int64_t count, int64_t channel) {
      for (int64_t i = first; i < first + count; ++i) {
        ASSERT_EQ(channel_of[i], -1);
        channel_of[i] = channel;
      }
    });
    expect_visited_once(layout, channel_of);
  }
}

TEST(Partition, PiecesCoverEveryElementOnceAndAreNotTooLarge) {
  for (const Layout& layout : kLayouts) {
    std::vector<int64_t> channel_of(layout.size(), -1);
    std::vector<int> visits(pieces_of_channel(layout) * layout.channels);
    for_each_piece({}, layout, [&](int64_t index, const Piece& piece) {
      ++visits[index];
      EXPECT_EQ(index % layout.channels, piece.channel);
      EXPECT_LE(piece.spans * piece.length, kPieceSize);
      for (int64_t span = 0; span < piece.spans; ++span) {
        for (int64_t i = 0; i < piece.length; ++i) {
          int64_t& channel = channel_of[piece.first + span * piece.stride + i];
          ASSERT_EQ(channel, -1);
          channel = piece.channel;
        }
      }
    });
    expect_visited_once(layout, channel_of);
    for (const int count : visits) EXPECT_EQ(count, 1);
  }
}

TEST(Partition, RowBlocksCoverEveryRowOnce) {
  for (const int64_t rows : {0, 1, 127, 128, 129, 1000}) {
    const Layout layout{rows, 3, 1};
    std::vector<int> visits(rows);
    for_each_row_block({}, layout, [&](int64_t block, int64_t first, int64_t count) {
      EXPECT_EQ(first, block * kRowsOfBlock);
      for (int64_t row = first; row < first + count; ++row) ++visits[row];
    });
    for (const int count : visits) EXPECT_EQ(count, 1);
  }
}

}  // namespace
}  // namespace pare::backends::cpu
