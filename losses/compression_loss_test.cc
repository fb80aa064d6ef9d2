#include "losses/compression_loss.h"

#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(CompressionLoss, AddsNothingByItself) {
  CompressionLoss loss;
  EXPECT_FALSE(loss.forward().defined());
  EXPECT_TRUE(loss.statistics().empty());
}

}  // namespace
}  // namespace pare
