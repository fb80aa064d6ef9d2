#include "compression/pruning/ranking_search.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::pruning {
namespace {

using ::testing::HasSubstr;
using Coefficients = std::vector<RankingCoefficients>;

// The least at alpha = {2, 0.5, 1}, kappa = {0.1, 0, -0.1}.
double distance(const Coefficients& candidate) {
  const Coefficients wanted{{2, 0.1}, {0.5, 0}, {1, -0.1}};
  double sum = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    sum +=
        std::pow(std::log(candidate[i].alpha / wanted[i].alpha), 2) + std::pow(candidate[i].kappa - wanted[i].kappa, 2);
  }
  return sum;
}

TEST(RankingSearch, ComesNearerThanChanceAndThanWhereItStarted) {
  const std::vector<double> deviations{0.1, 0.1, 0.1};
  const auto evaluate = [](const Coefficients& each) -> absl::StatusOr<double> { return distance(each); };
  const auto searched = search_ranking(deviations, {.generations = 400}, evaluate);
  const auto random = search_ranking(deviations, {.generations = 400, .population = 400}, evaluate);
  ASSERT_TRUE(searched.ok() && random.ok());
  EXPECT_LT(distance(*searched), distance(Coefficients(3)) / 10);
  EXPECT_LT(distance(*searched), distance(*random));
}

TEST(RankingSearch, TheSameSeedAsksForTheSame) {
  std::vector<Coefficients> asked[3];
  for (int i = 0; i < 3; ++i) {
    const RankingSearchOptions options{.generations = 20, .population = 8, .sample = 4, .seed = i == 2 ? 7u : 3u};
    ASSERT_TRUE(search_ranking({0.1, 0.2}, options, [&](const Coefficients& each) -> absl::StatusOr<double> {
                  asked[i].push_back(each);
                  return distance({each[0], each[1], {}});
                }).ok());
  }
  EXPECT_EQ(asked[0], asked[1]);
  EXPECT_NE(asked[0], asked[2]);
  // The last of the first population is the ranking as it is.
  EXPECT_EQ(asked[0][7], Coefficients(2));
}

TEST(RankingSearch, WhatDivergesIsNeverTheBest) {
  const auto best = search_ranking({0.1}, {.generations = 10, .population = 4, .sample = 2},
                                   [](const Coefficients& each) -> absl::StatusOr<double> {
                                     return each == Coefficients(1) ? 5.0 : std::numeric_limits<double>::quiet_NaN();
                                   });
  ASSERT_TRUE(best.ok());
  EXPECT_EQ(*best, Coefficients(1));
}

TEST(RankingSearch, AnErrorEndsIt) {
  const auto result = search_ranking(
      {0.1}, {}, [](const Coefficients&) -> absl::StatusOr<double> { return absl::DataLossError("no more data"); });
  EXPECT_EQ(result.status(), absl::DataLossError("no more data"));
}

TEST(RankingFile, BringsBackWhatWasSavedAndRefusesOthers) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/ranking.json");
  const Coefficients saved{{1.25, -0.1}, {1.0 / 3, 0}};
  ASSERT_TRUE(save_ranking(path, {"conv1", "layer1.0.conv1"}, saved).ok());
  const auto loaded = load_ranking(path, {"conv1", "layer1.0.conv1"});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*loaded, saved);
  EXPECT_THAT(load_ranking(path, {"conv1"}).status().message(), HasSubstr("2 layers, the model 1"));
  EXPECT_THAT(load_ranking(path, {"conv1", "fc"}).status().message(), HasSubstr("none for fc"));
  ASSERT_TRUE(write_file_atomically(path, "[1, 2").ok());
  EXPECT_THAT(load_ranking(path, {"conv1"}).status().message(), HasSubstr(path));
  EXPECT_EQ(load_ranking(path + ".none", {"conv1"}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pare::pruning
