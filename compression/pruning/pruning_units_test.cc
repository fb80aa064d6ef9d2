#include "compression/pruning/pruning_units.h"

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compression/pruning/pruning_cost.h"
#include "compression/pruning/testing.h"
#include "gmock/gmock.h"
#include "graph/profile.h"
#include "gtest/gtest.h"
#include "models/resnet.h"

namespace pare::pruning {
namespace {

using ::testing::UnorderedElementsAre;

const std::vector<std::vector<int64_t>> kCifar{{1, 3, 32, 32}};

// One block a stage, of 8, 16 and 32 channels.
class UnitsTest : public ::testing::Test {
 protected:
  void make(models::Shortcut shortcut, const LayerOptions& options) {
    model_ = import_built(models::make_resnet({.blocks = 1, .width = 8, .shortcut = shortcut}, {}));
    labels_.emplace(ChannelLabels::analyze(*model_, kCifar, {}).value());
    auto units = PruningUnits::find(model_->graph(), *labels_, pruning_config({}), options);
    ASSERT_TRUE(units.ok()) << units.status();
    units_.emplace(*std::move(units));
  }
  // The names of the layers of each cluster, joined, with its size.
  std::vector<std::string> clusters() const {
    std::vector<std::string> result;
    for (const PruningCluster& cluster : units_->clusters()) {
      std::string names;
      for (const size_t layer : cluster.layers) names += units_->layers()[layer].layer.name + " ";
      result.push_back(names + std::to_string(cluster.units.size()) + "/" + std::to_string(cluster.num_channels));
    }
    return result;
  }

  std::shared_ptr<graph::Model> model_;
  std::optional<ChannelLabels> labels_;
  std::optional<PruningUnits> units_;
};

TEST_F(UnitsTest, FirstAndStridedConvolutionsKeepWhatIsCoupledToThem) {
  make(models::Shortcut::kProjection, {});
  EXPECT_THAT(clusters(), UnorderedElementsAre("layer1.0.conv1 8/8"));
}

TEST_F(UnitsTest, WhatIsAddedIsOneCluster) {
  make(models::Shortcut::kProjection, {.prune_first_conv = true, .prune_downsample_convs = true});
  EXPECT_THAT(clusters(), UnorderedElementsAre("conv1 layer1.0.conv2 8/8", "layer1.0.conv1 8/8", "layer2.0.conv1 16/16",
                                               "layer2.0.conv2 layer2.0.shortcut.0 16/16", "layer3.0.conv1 32/32",
                                               "layer3.0.conv2 layer3.0.shortcut.0 32/32"));
}

// Channels that start as zeros are the block's own; those that go around it are the first stage's, and stay with it.
TEST_F(UnitsTest, PaddedChannelsAreFree) {
  make(models::Shortcut::kParameterFree, {.prune_downsample_convs = true});
  EXPECT_THAT(clusters(), UnorderedElementsAre("layer1.0.conv1 8/8", "layer2.0.conv1 16/16",
                                               "layer2.0.conv2 layer3.0.conv2 24/32", "layer3.0.conv1 32/32"));
}

TEST_F(UnitsTest, EveryLayersFiltersAreCounted) {
  make(models::Shortcut::kProjection, {});
  for (const PrunedLayer& layer : units_->layers()) {
    EXPECT_EQ(layer.num_filters(), layer.layer.weight->tensor().size(0)) << layer.layer.name;
  }
}

TEST_F(UnitsTest, TheCostWithoutUnitsIsThatOfTheSmallerModel) {
  make(models::Shortcut::kParameterFree, {.prune_first_conv = true, .prune_downsample_convs = true});
  const auto cost = PruningCost::create(*model_, *labels_, *units_, kCifar);
  ASSERT_TRUE(cost.ok()) << cost.status();
  const auto full = graph::profile_model(*model_, {at::zeros(kCifar[0])});
  EXPECT_NEAR(cost->full().flops, static_cast<double>(full->flops), 0.5);
  EXPECT_NEAR(cost->full().parameters, static_cast<double>(full->parameters), 0.5);

  RemovedUnits removed(units_->units().size(), false);
  for (size_t i = 0; i < removed.size(); i += 3) removed[i] = true;
  ASSERT_TRUE(remove_channels(*model_, kCifar, FilterMasks::channels(*units_, removed), {}).ok());
  const auto smaller = graph::profile_model(*model_, {at::zeros(kCifar[0])});
  EXPECT_LT(smaller->flops, full->flops);
  EXPECT_NEAR(cost->of(removed).flops, static_cast<double>(smaller->flops), 0.5);
  EXPECT_NEAR(cost->of(removed).parameters, static_cast<double>(smaller->parameters), 0.5);
}

}  // namespace
}  // namespace pare::pruning
