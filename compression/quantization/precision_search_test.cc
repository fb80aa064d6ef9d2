#include "compression/quantization/precision_search.h"

#include <cmath>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PrecisionSearch, ALayerWhoseLossBendsMoreKeepsItsBits) {
  // Equal sizes and errors: half of the layers must go to 4 bits for a ratio of 8 / 6.
  const std::vector<PrecisionLayer> layers = {
      {3.0, 10, {1.0, 0.1}}, {1.0, 10, {1.0, 0.1}}, {4.0, 10, {1.0, 0.1}}, {2.0, 10, {1.0, 0.1}}};
  const auto choice = choose_precisions(layers, {4, 8}, 8.0 / 6);
  ASSERT_TRUE(choice.ok()) << choice.status();
  EXPECT_THAT(choice->bits, ElementsAre(8, 4, 8, 4));
  EXPECT_NEAR(choice->sensitivity, 0.3 + 1 + 0.4 + 2, 1e-12);
  EXPECT_NEAR(choice->ratio, 8.0 / 6, 1e-12);
}

TEST(PrecisionSearch, WithoutAConstraintEveryLayerKeepsTheMostBits) {
  const auto choice = choose_precisions({{1, 5, {9, 4, 1}}, {2, 7, {9, 4, 1}}}, {2, 4, 8}, 1.0);
  ASSERT_TRUE(choice.ok());
  EXPECT_THAT(choice->bits, ElementsAre(8, 8));
}

TEST(PrecisionSearch, IsTheBestOfAllAssignmentsThatFollowTheTraces) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(0.1, 2.0);
  const std::vector<int> bits = {2, 4, 8};
  for (int round = 0; round < 20; ++round) {
    std::vector<PrecisionLayer> layers(6);
    for (PrecisionLayer& layer : layers) {
      const double error = uniform(random);
      layer = {uniform(random), uniform(random), {error, error / 16, error / 4096}};
    }
    const double ratio = 1.0 + 0.14 * round;
    double best = 1e300;
    for (int code = 0; code < 729; ++code) {
      std::vector<int> choice(6);
      for (int i = 0, rest = code; i < 6; ++i, rest /= 3) choice[i] = rest % 3;
      bool follows = true;
      double sensitivity = 0, complexity = 0, full = 0;
      for (int i = 0; i < 6; ++i) {
        for (int j = 0; j < 6; ++j) {
          if (layers[i].average_trace < layers[j].average_trace && choice[i] > choice[j]) follows = false;
        }
        sensitivity += layers[i].average_trace * layers[i].squared_errors[choice[i]];
        complexity += layers[i].flops * bits[choice[i]];
        full += layers[i].flops * 8;
      }
      if (follows && full / complexity >= ratio) best = std::min(best, sensitivity);
    }
    const auto choice = choose_precisions(layers, bits, ratio);
    ASSERT_TRUE(choice.ok()) << choice.status();
    EXPECT_NEAR(choice->sensitivity, best, 1e-12) << ratio;
    EXPECT_GE(choice->ratio, ratio * (1 - 1e-9));
  }
}

TEST(PrecisionSearch, SaysWhatCannotBeReached) {
  const std::vector<PrecisionLayer> layers = {{1, 5, {9, 1}}};
  EXPECT_THAT(choose_precisions(layers, {4, 8}, 2.5).status().message(), HasSubstr("it is 2"));
  EXPECT_TRUE(choose_precisions(layers, {4, 8}, 2.0).ok());
  EXPECT_FALSE(choose_precisions({}, {4, 8}, 1.5).ok());
  const std::vector<PrecisionLayer> many(200, {1, 5, {6, 5, 4, 3, 2, 1}});
  EXPECT_THAT(choose_precisions(many, {2, 3, 4, 5, 6, 8}, 1.5).status().message(), HasSubstr("fewer numbers"));
}

}  // namespace
}  // namespace pare::quantization
