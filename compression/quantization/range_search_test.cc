#include "compression/quantization/range_search.h"

#include <cmath>

#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

TEST(RangeSearch, KeepsTheExtremesOfNumbersOnLevels) {
  // 3 bits, scale 3: levels -4..3, all of these are levels.
  const SearchedRange range = search_range({{-3, 1}, {-1, 1}, {0, 4}, {2, 1}, {3, 1}}, {.bits = 3});
  EXPECT_FLOAT_EQ(range.min, -3);
  EXPECT_FLOAT_EQ(range.max, 3);
}

TEST(RangeSearch, CutsARareOutlier) {
  // 2 bits, unsigned: levels 0..3. A million numbers at 1, 2 and 3 and one at 4: the best step is about 1.
  const SearchedRange range = search_range({{1, 1e6}, {2, 1e6}, {3, 1e6}, {4, 1}}, {.bits = 2});
  EXPECT_NEAR(range.max, 3, 0.03);
}

TEST(RangeSearch, AsymmetricCutsBothEnds) {
  const SearchedRange range = search_range({{-4, 1}, {-3, 1e6}, {-1, 1e6}, {1, 1e6}, {3, 1e6}, {4, 1}},
                                           {.mode = QuantizationMode::kAsymmetric, .bits = 3});
  EXPECT_LT(range.max, 4);
  EXPECT_FLOAT_EQ(range.min, -range.max);
}

TEST(RangeSearch, ZerosAlone) {
  const SearchedRange range = search_range({{0, 5}}, {});
  EXPECT_EQ(range.min, 0);
  EXPECT_EQ(range.max, 0);
}

}  // namespace
}  // namespace pare::quantization
