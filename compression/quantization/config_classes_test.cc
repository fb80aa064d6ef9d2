#include "compression/quantization/config_classes.h"

#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

constexpr QuantizerConfig kSymmetric{.mode = QuantizationMode::kSymmetric};
constexpr QuantizerConfig kAsymmetric{.mode = QuantizationMode::kAsymmetric};
constexpr QuantizerConfig kFourBits{.bits = 4};

TEST(ConfigClassesTest, AMergedClassHasWhatBothAllow) {
  ConfigClasses classes;
  const int a = classes.add({kSymmetric, kAsymmetric}), b = classes.add({kAsymmetric});
  EXPECT_EQ(classes.picked(a), kSymmetric);
  EXPECT_TRUE(classes.merge(a, b));
  EXPECT_EQ(classes.picked(a), kAsymmetric);
  EXPECT_EQ(classes.picked(b), kAsymmetric);
  EXPECT_EQ(classes.representative(a), classes.representative(b));
}

TEST(ConfigClassesTest, NothingChangesWhenNothingIsInCommon) {
  ConfigClasses classes;
  const int a = classes.add({kSymmetric, kAsymmetric}), b = classes.add({kAsymmetric}), c = classes.add({kFourBits});
  EXPECT_FALSE(classes.merge_all({a, b, c}));
  EXPECT_EQ(classes.picked(a), kSymmetric);
  EXPECT_NE(classes.representative(a), classes.representative(b));
}

TEST(ConfigClassesTest, MergingIsTransitiveAndTakesRepeats) {
  ConfigClasses classes;
  const int a = classes.add({kSymmetric}), b = classes.add({kSymmetric}), c = classes.add({kSymmetric});
  EXPECT_TRUE(classes.merge(a, b));
  EXPECT_TRUE(classes.merge_all({b, c, a, c}));
  EXPECT_EQ(classes.representative(a), classes.representative(c));
  EXPECT_TRUE(classes.merge(a, a));
}

TEST(ConfigClassesTest, ASignThatOneLeavesOpenIsTheOthers) {
  ConfigClasses classes;
  const int open = classes.add({kSymmetric});
  const int positive = classes.add({{.is_signed = false}});
  const int negative = classes.add({{.is_signed = true}});
  EXPECT_TRUE(classes.merge(open, positive));
  EXPECT_EQ(classes.picked(open).is_signed, false);
  EXPECT_FALSE(classes.merge(open, negative));
}

}  // namespace
}  // namespace pare::quantization
