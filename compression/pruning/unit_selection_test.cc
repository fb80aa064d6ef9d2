#include "compression/pruning/unit_selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compression/pruning/importance.h"
#include "compression/pruning/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "models/resnet.h"

namespace pare::pruning {
namespace {

using ::testing::HasSubstr;

class SelectionTest : public ::testing::Test {
 protected:
  SelectionTest()
      : method_(prune(import_built(models::make_resnet({.blocks = 1, .width = 16}, {})), {}, {{1, 3, 32, 32}})) {}

  const PruningUnits& units() const { return method_->units(); }
  UnitSelection selection(int64_t round_to, bool is_global = false) const {
    return UnitSelection(units(), {.round_to = round_to, .is_global = is_global});
  }
  // Growing with the unit's number.
  std::vector<double> rising() const {
    std::vector<double> importances(units().units().size());
    std::iota(importances.begin(), importances.end(), 1.0);
    return importances;
  }
  static int64_t count(const RemovedUnits& removed) { return std::count(removed.begin(), removed.end(), true); }
  int64_t kept(const PruningCluster& cluster, const RemovedUnits& removed) const {
    return cluster.num_channels -
           std::count_if(cluster.units.begin(), cluster.units.end(), [&](size_t unit) { return removed[unit]; });
  }

  std::unique_ptr<FilterPruning> method_;
};

TEST_F(SelectionTest, EachClusterLosesItsShareOfTheLeastImportant) {
  const RemovedUnits removed = selection(1).at_level(rising(), 0.25);
  for (const PruningCluster& cluster : units().clusters()) {
    const size_t gone = cluster.units.size() / 4;
    for (size_t i = 0; i < cluster.units.size(); ++i) EXPECT_EQ(removed[cluster.units[i]], i < gone);
  }
  EXPECT_EQ(count(selection(1).at_level(rising(), 0)), 0);
}

TEST_F(SelectionTest, WhatAClusterKeepsIsAMultiple) {
  for (const double level : {0.1, 0.3, 0.5, 0.9, 1.0}) {
    const RemovedUnits removed = selection(8).at_level(rising(), level);
    for (const PruningCluster& cluster : units().clusters()) {
      EXPECT_EQ(kept(cluster, removed) % 8, 0) << level;
      EXPECT_GE(kept(cluster, removed), 8);
    }
    for (const PrunedLayer& layer : units().layers()) {
      const auto gone = std::count_if(layer.units.begin(), layer.units.end(), [&](int32_t unit) {
        return unit != kNoUnit && removed[static_cast<size_t>(unit)];
      });
      if (gone > 0) {
        EXPECT_EQ((layer.num_filters() - gone) % 8, 0) << level << " " << layer.layer.name;
      }
    }
  }
  EXPECT_EQ(count(selection(16).at_level(rising(), 0.1)) % 16, 0);
}

TEST_F(SelectionTest, OneRankingTakesFromThoseThatMatterLeast) {
  const RemovedUnits removed = selection(1, true).at_level(rising(), 0.25);
  const auto wanted = static_cast<int64_t>(units().units().size() / 4);
  EXPECT_EQ(count(removed), wanted);
  // No unit that went is before one that stayed, but for the last ones of layers.
  size_t stayed_before = 0;
  for (size_t i = 0; i < removed.size(); ++i) {
    if (!removed[i]) ++stayed_before;
    if (removed[i]) {
      EXPECT_LE(stayed_before, units().layers().size()) << i;
    }
  }
}

TEST_F(SelectionTest, NoClusterLosesEverything) {
  for (const bool is_global : {false, true}) {
    const RemovedUnits removed = selection(1, is_global).at_level(rising(), 1.0);
    for (const PruningCluster& cluster : units().clusters()) EXPECT_GE(kept(cluster, removed), 1);
    for (const std::vector<size_t>& axis : units().axes()) {
      EXPECT_TRUE(std::any_of(axis.begin(), axis.end(), [&](size_t unit) { return !removed[unit]; }));
    }
  }
}

TEST_F(SelectionTest, ATargetOfFlopsIsMetAsNarrowlyAsItCanBe) {
  for (const bool is_global : {false, true}) {
    for (const double share : {0.1, 0.25, 0.4}) {
      const auto removed = selection(1, is_global).at_flops(rising(), share, method_->cost());
      ASSERT_TRUE(removed.ok()) << removed.status();
      const double gone = 1 - method_->cost().of(*removed).flops / method_->cost().full().flops;
      EXPECT_GE(gone, share - 1e-9);
      EXPECT_LT(gone, share + 0.05);
    }
  }
}

TEST_F(SelectionTest, ATargetOutOfReachSaysWhatIsNot) {
  const absl::Status status = selection(8).at_flops(rising(), 0.9, method_->cost()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("0.9 cannot be reached"));
  EXPECT_THAT(status.message(), HasSubstr("of the FLOPs go"));
}

TEST(Importances, AreSumsOverTheFiltersOfAUnit) {
  const auto method = prune(import_built(models::make_resnet({.blocks = 1, .width = 8}, {})),
                            {{"prune_first_conv", true}}, {{1, 3, 32, 32}});
  const PruningUnits& units = method->units();
  const auto filters = filter_importances(units, FilterNorm::kL2);
  const auto sums = unit_importances(units, {});
  // The first layer's filters are added up with those of the blocks after it.
  const PruningUnit& unit = units.units()[0];
  ASSERT_GE(unit.filters.size(), 2u);
  double sum = 0;
  for (const PruningUnit::Filter& filter : unit.filters) {
    const WeightedLayer& layer = units.layers()[filter.layer].layer;
    const double norm = layer.weight->tensor().detach()[filter.index].norm().item<double>();
    EXPECT_NEAR(filters[filter.layer][static_cast<size_t>(filter.index)], norm, 1e-5);
    sum += norm;
  }
  EXPECT_NEAR(sums[0], sum, 1e-4);
}

TEST(Importances, CanBeNormalisedAndPutOnALineALayer) {
  const auto method = prune(import_built(models::make_resnet({.blocks = 1, .width = 8}, {})), {}, {{1, 3, 32, 32}});
  const PruningUnits& units = method->units();
  for (const FilterNorm norm : {FilterNorm::kL1, FilterNorm::kL2, FilterNorm::kGeometricMedian}) {
    const auto filters = filter_importances(units, norm);
    std::vector<RankingCoefficients> lines(units.layers().size(), {2.0, 0.5});
    const auto result = unit_importances(units, {.norm = norm, .is_normalised = true, .coefficients = lines});
    for (size_t i = 0; i < units.units().size(); ++i) {
      if (units.units()[i].filters.size() != 1) continue;
      const PruningUnit::Filter& filter = units.units()[i].filters[0];
      double squares = 0;
      for (const double each : filters[filter.layer]) squares += each * each;
      const double each = filters[filter.layer][static_cast<size_t>(filter.index)];
      EXPECT_NEAR(result[i], 2 * each / std::sqrt(squares) + 0.5, 1e-9);
    }
  }
}

}  // namespace
}  // namespace pare::pruning
