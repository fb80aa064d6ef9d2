#include "backends/cuda/launch_plan.h"

#include <vector>

#include "backends/fast_divisor.h"
#include "gtest/gtest.h"

namespace pare::backends::cuda {
namespace {

const void* const kAligned = reinterpret_cast<const void*>(4096);
const void* const kOdd = reinterpret_cast<const void*>(4100);

TEST(Elementwise, SaysWhatAGroupIs) {
  const Elementwise whole = elementwise({2, 3, 8}, 4, {kAligned, nullptr});
  EXPECT_EQ(whole.size, 48);
  EXPECT_TRUE(whole.has_whole_groups);
  EXPECT_TRUE(whole.is_aligned);
  EXPECT_TRUE(whole.inner.is_small);
  EXPECT_EQ(divide(17, whole.inner.fast), 2);
  EXPECT_EQ(divide(5, whole.runs.fast), 1);
  EXPECT_FALSE(elementwise({2, 3, 8}, 4, {kAligned, kOdd}).is_aligned);
  EXPECT_FALSE(elementwise({2, 3, 4}, 2, {kAligned}).has_whole_groups) << "8 elements of 2 bytes";
  EXPECT_TRUE(elementwise({2, 1, 3}, 4, {kAligned}).has_whole_groups) << "all of one channel";
  EXPECT_TRUE(elementwise({1, 2, int64_t{1} << 30}, 4, {}).inner.is_small);
  EXPECT_FALSE(elementwise({3, 2, int64_t{1} << 30}, 4, {}).inner.is_small);
  EXPECT_EQ(elementwise({0, 3, 8}, 4, {}).size, 0);
}

TEST(LoopBlocks, GrowNoFurtherThanTheDeviceHasUseFor) {
  EXPECT_EQ(loop_blocks(0, 132), 0);
  EXPECT_EQ(loop_blocks(1, 132), 1);
  EXPECT_EQ(loop_blocks(257, 132), 2);
  EXPECT_EQ(loop_blocks(uint64_t{1} << 40, 132), loop_blocks(uint64_t{1} << 41, 132));
}

// Every element is in one block's share, and every channel's partial states are those that the combination reads.
void expect_covers(const Layout& layout, int64_t element_bytes, const void* tensor) {
  SCOPED_TRACE(::testing::Message() << layout.outer << " " << layout.channels << " " << layout.inner);
  const ReductionPlan plan = reduction_plan(layout, element_bytes, {tensor});
  const Reduction& r = plan.reduction;
  const int64_t unit = r.in_groups ? 16 / element_bytes : 1;
  EXPECT_EQ(r.threads % 32, 0);
  EXPECT_LE(r.threads, kMaxThreads);
  if (r.by_columns) {
    EXPECT_EQ(r.units_of_row * unit, layout.channels * layout.inner);
    EXPECT_GE(r.tiles * r.width, r.units_of_row);
    EXPECT_LT((r.tiles - 1) * r.width, r.units_of_row);
    EXPECT_LE(r.width * r.rows_at_once, r.threads);
    EXPECT_GE(r.pieces * r.rows_of_piece, r.outer);
    EXPECT_LT((r.pieces - 1) * r.rows_of_piece, r.outer);
    EXPECT_LE(r.rows_of_piece, r.rows_at_once * kUnitsOfThread);
    EXPECT_EQ(plan.combination.count, r.pieces * layout.inner);
    EXPECT_EQ(plan.states(), r.pieces * layout.channels * layout.inner);
  } else {
    EXPECT_GE(r.pieces * r.units_of_piece, r.units);
    EXPECT_LT((r.pieces - 1) * r.units_of_piece, r.units);
    EXPECT_LE(r.units_of_piece, r.threads * kUnitsOfThread);
    EXPECT_GE(r.units * unit, layout.outer * layout.inner);
    EXPECT_EQ(plan.combination.count, r.pieces);
    EXPECT_EQ(plan.states(), r.pieces * layout.channels);
    EXPECT_EQ(plan.blocks(), plan.states());
  }
}

TEST(ReductionPlan, CoversEveryLayout) {
  for (const Layout& layout :
       {Layout{1, 1, 1}, Layout{1, 1, 1000}, Layout{1, 1, 1 << 30}, Layout{1, 512, 4608}, Layout{128, 64, 1024},
        Layout{128, 64, 49}, Layout{1 << 20, 64, 1}, Layout{1 << 20, 3, 1}, Layout{1, 100'000, 9}, Layout{7, 33, 5},
        Layout{1, 2, int64_t{1} << 33}, Layout{1000, 1, 3}, Layout{1 << 16, 4096, 1}}) {
    for (const int64_t bytes : {4, 2}) {
      expect_covers(layout, bytes, kAligned);
      expect_covers(layout, bytes, kOdd);
    }
  }
}

TEST(ReductionPlan, ChannelsThatAreTheFastestDimensionGoByColumnsInGroups) {
  const ReductionPlan plan = reduction_plan({1 << 20, 64, 1}, 4, {kAligned});
  EXPECT_TRUE(plan.reduction.by_columns);
  EXPECT_TRUE(plan.reduction.in_groups);
  EXPECT_EQ(plan.reduction.width, 16);
  EXPECT_EQ(plan.reduction.rows_at_once, 16);
}

TEST(ReductionPlan, DependsOnTheLayoutAlone) {
  for (const Layout& layout : {Layout{128, 64, 1024}, Layout{8, 16, 64}, Layout{1 << 20, 64, 1}}) {
    const ReductionPlan a = reduction_plan(layout, 4, {kAligned}), b = reduction_plan(layout, 4, {kOdd, kAligned});
    EXPECT_EQ(a.reduction.by_columns, b.reduction.by_columns);
    EXPECT_EQ(a.reduction.in_groups, b.reduction.in_groups);
    EXPECT_EQ(a.reduction.pieces, b.reduction.pieces);
    EXPECT_EQ(a.reduction.threads, b.reduction.threads);
    EXPECT_FALSE(b.reduction.is_aligned);
  }
}

TEST(CountingPlan, HasAsManyBlocksAsTheDeviceRuns) {
  const ReductionPlan large = counting_plan({1, 1, 1 << 28}, 4, {kAligned}, 132);
  EXPECT_LE(large.blocks(), 2 * 132 * 8);
  EXPECT_GE(large.blocks(), 132 * 8);
}

}  // namespace
}  // namespace pare::backends::cuda
