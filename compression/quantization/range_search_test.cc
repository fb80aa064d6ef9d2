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
  // 3 bits: eight levels. A million numbers at each of -1, 0, ..., 6, and one far out at either end, which lie as far
  // out as those: the best step is about 1, with zero on the second level.
  std::vector<WeightedValue> values{{-1.283, 1}, {7.7, 1}};
  for (int x = -1; x <= 6; ++x) values.push_back({static_cast<double>(x), 1e6});
  const SearchedRange range = search_range(values, {.mode = QuantizationMode::kAsymmetric, .bits = 3});
  EXPECT_NEAR(range.min, -1, 0.02);
  EXPECT_NEAR(range.max, 6, 0.08);
}

TEST(RangeSearch, ZerosAlone) {
  const SearchedRange range = search_range({{0, 5}}, {});
  EXPECT_EQ(range.min, 0);
  EXPECT_EQ(range.max, 0);
}

}  // namespace
}  // namespace pare::quantization
