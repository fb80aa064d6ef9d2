#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<uint8_t> rb_mask(const std::vector<float>& logits, const RandomStream* random) {
  std::vector<uint8_t> mask(logits.size());
  EXPECT_TRUE(reference_kernels<float>()
                  .rb_mask_forward({}, static_cast<int64_t>(logits.size()), nullptr, logits.data(), random, mask.data(),
                                   nullptr)
                  .ok());
  return mask;
}

TEST(ReferenceMagnitudeMask, RemovesUpToTheThresholdAndKeepsNan) {
  const std::vector<float> x = {1.0f, -1.0f, 1.5f, -2.0f, 0.0f, kNan, kInfinity, -0.5f};
  std::vector<uint8_t> mask(8);
  std::vector<float> y(8);
  const Layout whole = Layout::per_tensor(8);
  ASSERT_TRUE(reference_kernels<float>().magnitude_mask({}, whole, x.data(), nullptr, 1, mask.data(), y.data()).ok());
  EXPECT_THAT(mask, ElementsAre(0, 0, 1, 1, 0, 1, 1, 0));
  EXPECT_THAT(y, ElementsAre(0, 0, 1.5f, -2, 0, ::testing::NanSensitiveFloatEq(kNan), kInfinity, 0));
  // Channels of two numbers: 1 and 1, 0.15 and 0.2, 0 and NaN, infinity and 1.
  const float scale[] = {1, 0.1f, 5, 2};
  ASSERT_TRUE(
      reference_kernels<float>().magnitude_mask({}, {1, 4, 2}, x.data(), scale, 0.5f, mask.data(), nullptr).ok());
  EXPECT_THAT(mask, ElementsAre(1, 1, 0, 0, 0, 1, 1, 1));
}

TEST(ReferenceApplyMask, AnyByteButZeroKeeps) {
  const std::vector<float> x = {1, 2, kNan, 4};
  const std::vector<uint8_t> mask = {1, 0, 0, 200};
  std::vector<float> y(4);
  ASSERT_TRUE(reference_kernels<float>().apply_mask({}, 4, x.data(), mask.data(), y.data()).ok());
  EXPECT_THAT(y, ElementsAre(1, 0, 0, 4));
}

TEST(ReferenceCounts, OfEachChannel) {
  const std::vector<float> x = {0, -0.0f, 1e-45f, kNan, 3, 0, -kInfinity, kInfinity};  // [2, 2, 2]
  int64_t zeros[2], above[2];
  ASSERT_TRUE(reference_kernels<float>().count_zeros({}, {2, 2, 2}, x.data(), zeros).ok());
  ASSERT_TRUE(reference_kernels<float>().count_above({}, {2, 2, 2}, x.data(), 0.0f, above).ok());
  EXPECT_THAT(zeros, ElementsAre(3, 0));
  EXPECT_THAT(above, ElementsAre(1, 2));
}

TEST(ReferenceCounts, OfNothing) {
  int64_t zeros[2] = {5, 5}, above[2] = {5, 5};
  ASSERT_TRUE(reference_kernels<float>().count_zeros({}, {0, 2, 3}, nullptr, zeros).ok());
  ASSERT_TRUE(reference_kernels<float>().count_above({}, {0, 2, 3}, nullptr, 0.0f, above).ok());
  EXPECT_THAT(zeros, Each(0));
  EXPECT_THAT(above, Each(0));
}

// The definition of METHODS, in double precision: sigmoid(logit + log(u / (1 - u))) > 1/2.
TEST(ReferenceRbMask, IsTheDefinitionButForTiesWithinRounding) {
  const RandomStream random{42, 7};
  std::vector<float> logits;
  for (int i = 0; i < 200000; ++i) logits.push_back(static_cast<float>(i % 3001 - 1500) / 100);
  // A logit that leaves a distance of 1e-5 and less to the tie, on either side of it.
  for (int64_t i = 0; i < 200000; i += 3) {
    const double u = uniform(philox_word(random, i));
    logits[i] = static_cast<float>(-std::log(u / (1 - u)) + static_cast<double>(i % 2001 - 1000) * 1e-8);
  }
  const std::vector<uint8_t> mask = rb_mask(logits, &random);
  int64_t ties = 0;
  for (size_t i = 0; i < mask.size(); ++i) {
    const double u = uniform(philox_word(random, i));
    const double noisy = logits[i] + std::log(u / (1 - u));
    if (std::fabs(noisy) < 6e-7) {
      ++ties;
      continue;
    }
    ASSERT_EQ(mask[i], 1 / (1 + std::exp(-noisy)) > 0.5) << "element " << i << ", logit " << logits[i] << ", u " << u;
  }
  EXPECT_LT(ties, 9000);
}

TEST(ReferenceRbMask, KeepsAsOftenAsTheSigmoidSays) {
  constexpr int64_t kCount = 400000;
  for (const float logit : {-4.0f, -1.0f, 0.0f, 0.3f, 2.0f, 4.59512f}) {
    const RandomStream random{static_cast<uint64_t>(logit * 1000), 1};
    int64_t kept = 0;
    for (const uint8_t byte : rb_mask(std::vector<float>(kCount, logit), &random)) kept += byte;
    const double probability = 1 / (1 + std::exp(-double{logit}));
    const double deviation = std::sqrt(kCount * probability * (1 - probability));
    EXPECT_NEAR(kept, kCount * probability, 4.5 * deviation) << logit;
  }
}

TEST(ReferenceRbMask, DrawsAndNeighboursAreIndependent) {
  constexpr int64_t kCount = 100000;
  const std::vector<float> even(kCount, 0.0f);
  const RandomStream first{3, 0}, second{3, 1};
  const std::vector<uint8_t> a = rb_mask(even, &first), b = rb_mask(even, &second);
  int64_t same_draw = 0, same_neighbour = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    same_draw += a[i] == b[i];
    same_neighbour += i > 0 && a[i] == a[i - 1];
  }
  const double deviation = std::sqrt(kCount * 0.25);
  EXPECT_NEAR(same_draw, 0.5 * kCount, 4.5 * deviation);
  EXPECT_NEAR(same_neighbour, 0.5 * kCount, 4.5 * deviation);
  EXPECT_EQ(rb_mask(even, &first), a);
}

TEST(ReferenceRbMask, ExtremeLogitsAndNan) {
  const RandomStream random{1, 1};
  for (const RandomStream* stream : {&random, static_cast<const RandomStream*>(nullptr)}) {
    EXPECT_THAT(rb_mask(std::vector<float>(100, kInfinity), stream), Each(1));
    EXPECT_THAT(rb_mask(std::vector<float>(100, 14.0f), stream), Each(1)) << "u is never below 1e-6";
    EXPECT_THAT(rb_mask(std::vector<float>(100, -14.0f), stream), Each(0));
    EXPECT_THAT(rb_mask(std::vector<float>(100, -kInfinity), stream), Each(0));
    EXPECT_THAT(rb_mask(std::vector<float>(100, kNan), stream), Each(0));
  }
  EXPECT_THAT(rb_mask({0.0f, 1e-45f, -0.0f, -1e-45f}, nullptr), ElementsAre(0, 1, 0, 0));
}

TEST(ReferenceRbMask, BackwardIsStraightThrough) {
  const std::vector<float> dy = {1, 2, 3}, w = {10, 20, -30};
  const std::vector<uint8_t> mask = {1, 0, 1};
  std::vector<float> dw(3), d_logits(3);
  ASSERT_TRUE(reference_kernels<float>()
                  .rb_mask_backward({}, 3, dy.data(), w.data(), mask.data(), dw.data(), d_logits.data())
                  .ok());
  EXPECT_THAT(dw, ElementsAre(1, 0, 3));
  EXPECT_THAT(d_logits, ElementsAre(10, 40, -90));
}

TEST(ReferenceNOfM, TheGreatestStayAndOfEqualOnesTheFirst) {
  const auto mask_of = [](const Layout& layout, const std::vector<float>& x, int n, int m) {
    std::vector<uint8_t> mask(x.size());
    EXPECT_TRUE(reference_kernels<float>().n_of_m_mask({}, layout, x.data(), n, m, mask.data()).ok());
    return mask;
  };
  EXPECT_THAT(mask_of({2, 4, 1}, {1, -3, 2, 0, 5, 5, -5, 5}, 2, 4), ElementsAre(0, 1, 1, 0, 1, 1, 0, 0));
  EXPECT_THAT(mask_of({1, 4, 1}, {kInfinity, 7, kNan, -kNan}, 2, 4), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(mask_of({1, 6, 1}, {1, 2, 3, 4, 6, 5}, 1, 4), ElementsAre(0, 0, 0, 1, 1, 0)) << "a group of two";
  EXPECT_THAT(mask_of({1, 5, 1}, {1, 2, 3, 4, 0}, 2, 4), ElementsAre(0, 0, 1, 1, 1)) << "fewer than n";
  EXPECT_THAT(mask_of({1, 2, 3}, {1, 5, 3, 2, 4, 3}, 1, 2), ElementsAre(0, 1, 1, 1, 0, 0)) << "places of their own";
}

}  // namespace
}  // namespace pare::backends
