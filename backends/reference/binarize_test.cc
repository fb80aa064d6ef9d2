#include <cmath>
#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// XNOR-Net, eq. 6: the best alpha for alpha * sign(W) is the mean magnitude of W.
TEST(ReferenceBinarize, WeightsAreTheirSignsTimesTheMeanMagnitude) {
  // [channels 2, inner 4]
  const std::vector<float> w = {1.0f, -2.0f, 3.0f, -4.0f, 0.5f, 0.0f, -0.0f, -1.5f};
  std::vector<float> scale(2), y(w.size());
  const Layout layout{1, 2, 4};
  ASSERT_TRUE(reference_kernels<float>().filter_norms({}, layout, w.data(), scale.data(), nullptr).ok());
  for (float& sum : scale) sum /= 4;
  EXPECT_THAT(scale, ElementsAre(2.5f, 0.5f));
  ASSERT_TRUE(reference_kernels<float>().binarize_weights({}, layout, w.data(), scale.data(), y.data()).ok());
  EXPECT_THAT(y, ElementsAre(2.5f, -2.5f, 2.5f, -2.5f, 0.5f, -0.5f, -0.5f, -0.5f));
}

TEST(ReferenceBinarize, InfinityIsASignAndNanStaysNan) {
  const std::vector<float> x = {kInfinity, -kInfinity, kNan};
  const float scale[] = {2.0f};
  std::vector<float> y(3);
  ASSERT_TRUE(reference_kernels<float>().binarize_weights({}, Layout::per_tensor(3), x.data(), scale, y.data()).ok());
  EXPECT_EQ(y[0], 2.0f);
  EXPECT_EQ(y[1], -2.0f);
  EXPECT_TRUE(std::isnan(y[2]));
}

TEST(ReferenceBinarize, ActivationsAreOnAboveTheirChannelsThreshold) {
  // Edges at 2 * 0.25 and 2 * 0.75; channels last. On the edge is off.
  const float scale = 2.0f, threshold[] = {0.25f, 0.75f};
  const std::vector<float> x = {0.5f, 0.5f, 0.625f, 1.5f, 9.0f, 1.625f, -1.0f, kNan};
  std::vector<float> y(x.size());
  ASSERT_TRUE(reference_kernels<float>()
                  .binarize_activations_forward({}, {4, 2, 1}, x.data(), &scale, threshold, y.data())
                  .ok());
  EXPECT_TRUE(std::isnan(y.back()));
  y.pop_back();
  EXPECT_THAT(y, ElementsAre(0.0f, 0.0f, 2.0f, 0.0f, 2.0f, 2.0f, 0.0f));
}

// METHODS, Binarization, term by term, for s = 2 and an edge at 1.
TEST(ReferenceBinarize, BackwardDividesTheGradientIntoItsParts) {
  const float scale = 2.0f, threshold[] = {0.5f};
  //                             off    on    below  above  zero  the scale itself
  const std::vector<float> x = {0.75f, 1.5f, -1.0f, 2.5f, 0.0f, 2.0f};
  const std::vector<float> dy = {1.0f, 2.0f, 4.0f, 8.0f, 16.0f, 32.0f};
  std::vector<float> dx(x.size());
  float inside = 0, above = 0, between = 0;
  const BinarizationSums sums{&inside, &above, &between};
  ASSERT_TRUE(reference_kernels<float>()
                  .binarize_activations_backward({}, Layout::per_tensor(6), dy.data(), x.data(), &scale, threshold,
                                                 dx.data(), &sums)
                  .ok());
  EXPECT_THAT(dx, ElementsAre(1.0f, 2.0f, 0.0f, 0.0f, 16.0f, 32.0f));
  // y - x is -0.75, 0.5, 1, (above), 0, 0.
  EXPECT_EQ(inside, 1.0f * -0.75f + 2.0f * 0.5f + 4.0f * 1.0f);
  EXPECT_EQ(above, 8.0f);
  EXPECT_EQ(between, 1.0f + 2.0f);
}

TEST(ReferenceBinarize, NanShowsInTheGradients) {
  const float scale = 1, threshold = 0.5f, x = kNan, dy = 1;
  float dx = 0, inside = 0, above = 0, between = 0;
  const BinarizationSums sums{&inside, &above, &between};
  ASSERT_TRUE(reference_kernels<float>()
                  .binarize_activations_backward({}, Layout::per_tensor(1), &dy, &x, &scale, &threshold, &dx, &sums)
                  .ok());
  EXPECT_EQ(dx, 1.0f);
  EXPECT_TRUE(std::isnan(inside));
}

}  // namespace
}  // namespace pare::backends
