#include "data/batch.h"

#include <ATen/ops/zeros.h>

#include "gtest/gtest.h"

namespace pare::data {
namespace {

TEST(BatchTest, SizeIsThatOfTheTargets) {
  Batch batch{{at::zeros({5, 3, 2, 2})}, at::zeros({5}, at::kLong)};
  EXPECT_EQ(batch.size(), 5);
}

TEST(BatchTest, WithoutTargetsTheFirstInputCounts) {
  Batch batch{{at::zeros({7, 3}), at::zeros({7})}, {}};
  EXPECT_EQ(batch.size(), 7);
}

TEST(BatchTest, NothingHasNoSize) {
  EXPECT_EQ(Batch{}.size(), 0);
  EXPECT_EQ((Batch{{at::Tensor()}, {}}).size(), 0);
  EXPECT_EQ((Batch{{}, at::zeros({})}).size(), 0);
}

}  // namespace
}  // namespace pare::data
