#include "base/median.h"

#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(Median, IsTheMiddleWhateverTheOrder) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({4, 1, 3, 2}), 3) << "of two the greater";
}

}  // namespace
}  // namespace pare
