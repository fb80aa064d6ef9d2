#include "compression/quantization/quantizer_config.h"

#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

TEST(LevelRangeTest, SignedSymmetric) {
  EXPECT_EQ(level_range({.bits = 8}, true), (LevelRange{-128, 127}));
  EXPECT_EQ(level_range({.bits = 4}, true), (LevelRange{-8, 7}));
  EXPECT_EQ(level_range({.bits = 2}, true), (LevelRange{-2, 1}));
}

TEST(LevelRangeTest, Unsigned) {
  EXPECT_EQ(level_range({.bits = 8}, false), (LevelRange{0, 255}));
  EXPECT_EQ(level_range({.bits = 2}, false), (LevelRange{0, 3}));
}

TEST(LevelRangeTest, NarrowRangeDropsTheLowestSignedLevelOnly) {
  EXPECT_EQ(level_range({.bits = 8, .narrow_range = true}, true), (LevelRange{-127, 127}));
  EXPECT_EQ(level_range({.bits = 8, .narrow_range = true}, false), (LevelRange{0, 255}));
}

TEST(LevelRangeTest, HalfRangeIsOneBitLess) {
  EXPECT_EQ(level_range({.bits = 8, .half_range = true}, true), (LevelRange{-64, 63}));
  EXPECT_EQ(level_range({.bits = 8, .narrow_range = true, .half_range = true}, true), (LevelRange{-63, 63}));
}

TEST(LevelRangeTest, AsymmetricCountsFromZero) {
  const QuantizerConfig config{.mode = QuantizationMode::kAsymmetric, .bits = 8};
  EXPECT_EQ(level_range(config, true), (LevelRange{0, 255}));
  EXPECT_EQ(level_range(config, true).count(), 256);
}

TEST(ToStringTest, SaysWhatIsDecided) {
  EXPECT_EQ(to_string({.is_signed = true, .per_channel = true}), "INT8 symmetric signed per-channel");
  EXPECT_EQ(to_string({.bits = 4, .is_signed = false}), "INT4 symmetric unsigned per-tensor");
  EXPECT_EQ(to_string(QuantizerConfig{}), "INT8 symmetric per-tensor");
  EXPECT_EQ(to_string({.mode = QuantizationMode::kAsymmetric, .is_signed = true}), "INT8 asymmetric per-tensor");
  EXPECT_EQ(to_string({.narrow_range = true, .half_range = true, .logarithm_scale = true}),
            "INT8 symmetric per-tensor narrow-range half-range logarithm-scale");
}

}  // namespace
}  // namespace pare::quantization
