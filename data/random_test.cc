#include "data/random.h"

#include <algorithm>
#include <numeric>

#include "gtest/gtest.h"

namespace pare::data {
namespace {

using Block = std::array<uint32_t, 4>;

// The known answers that the authors publish with Random123.
TEST(PhiloxTest, GivesThePublishedAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStreamTest, IsAFunctionOfSeedAndName) {
  RandomStream first(7, {1, 2, 3}), second(7, {1, 2, 3});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first.next(), second.next());
}

TEST(RandomStreamTest, EachPartOfTheNameMatters) {
  const Block base = philox({0, 0, 0, 0}, {0, 0});
  EXPECT_EQ(RandomStream(0, {}).next(), base[0]);
  EXPECT_NE(RandomStream(1, {}).next(), base[0]);
  EXPECT_NE(RandomStream(uint64_t{1} << 32, {}).next(), base[0]);
  EXPECT_NE(RandomStream(0, {1, 0, 0}).next(), base[0]);
  EXPECT_NE(RandomStream(0, {0, 1, 0}).next(), base[0]);
  EXPECT_NE(RandomStream(0, {0, 0, 1}).next(), base[0]);
  EXPECT_NE(RandomStream(0, {0, 0, uint64_t{1} << 32}).next(), base[0]);
}

TEST(RandomStreamTest, BetweenReachesBothEndsEvenly) {
  RandomStream random(1, {});
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen.at(random.between(-3, 3) + 3);
  // Seven standard deviations of a binomial (7000, 1/7) around its mean.
  for (int count : seen) EXPECT_NEAR(count, 1000, 205);
}

TEST(RandomStreamTest, BoundsOfOneAndOfAllNumbers) {
  RandomStream random(1, {});
  EXPECT_EQ(random.below(1), 0);
  EXPECT_EQ(random.between(5, 5), 5);
  EXPECT_LT(random.below(uint64_t{1} << 63), uint64_t{1} << 63);
}

TEST(RandomPermutationTest, HoldsEveryNumberOnce) {
  RandomStream random(3, {});
  std::vector<int64_t> order = random_permutation(1000, random);
  std::vector<int64_t> expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_NE(order, expected);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, expected);
}

TEST(RandomPermutationTest, OfNothingAndOfOne) {
  RandomStream random(3, {});
  EXPECT_TRUE(random_permutation(0, random).empty());
  EXPECT_EQ(random_permutation(1, random), std::vector<int64_t>{0});
}

}  // namespace
}  // namespace pare::data
