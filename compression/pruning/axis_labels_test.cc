#include "compression/pruning/axis_labels.h"

#include "gtest/gtest.h"

namespace pare::pruning {
namespace {

TEST(LabelSets, UnitedLabelsAreOneClass) {
  LabelSets sets;
  const Axis one = sets.fresh_axis(3), other = sets.fresh_axis(3);
  EXPECT_EQ(sets.count_classes(one), 3u);
  sets.unite(one, other);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(sets.find(one.labels[i]), sets.find(other.labels[i]));
  EXPECT_NE(sets.find(one.labels[0]), sets.find(one.labels[1]));
  sets.unite(one.labels[0], other.labels[1]);
  EXPECT_EQ(sets.count_classes(other), 2u);
}

TEST(LabelSets, FixingOneFixesItsClassNowAndLater) {
  LabelSets sets;
  const Axis axis = sets.fresh_axis(4);
  sets.fix(axis.labels[0]);
  sets.unite(axis.labels[2], axis.labels[1]);
  sets.unite(axis.labels[1], axis.labels[0]);
  EXPECT_TRUE(sets.is_fixed(axis.labels[2]));
  EXPECT_FALSE(sets.is_fixed(axis.labels[3]));
  EXPECT_EQ(sets.count_classes(axis), 1u);
}

TEST(LabelSets, AxesOfDifferentSizesFixEachOther) {
  LabelSets sets;
  const Axis three = sets.fresh_axis(3), two = sets.fresh_axis(2), other = sets.fresh_axis(2);
  sets.unite(three, two);
  EXPECT_EQ(sets.count_classes(three), 0u);
  EXPECT_EQ(sets.count_classes(two), 0u);
  sets.unite(other, Axis());
  EXPECT_EQ(sets.count_classes(other), 0u);
}

}  // namespace
}  // namespace pare::pruning
