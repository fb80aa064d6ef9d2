#include "compression/sparsity/magnitude_sparsity.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>

#include <algorithm>

#include "compression/analysis/conv_net_testing.h"

namespace pare::sparsity {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<MagnitudeSparsity> make(const std::shared_ptr<graph::Model>& model, nlohmann::json params,
                                        double initial = 0, nlohmann::json more = nlohmann::json::object()) {
  nlohmann::json object = {{"algorithm", "magnitude_sparsity"}, {"sparsity_init", initial}, {"params", params}};
  object.update(more);
  auto method = MagnitudeSparsity::create(model, algorithm_config(object), {{1, 3, 8, 8}});
  EXPECT_TRUE(method.ok()) << method.status();
  return method.ok() ? *std::move(method) : nullptr;
}

absl::Status error_of(nlohmann::json params, nlohmann::json more = nlohmann::json::object()) {
  nlohmann::json object = {{"algorithm", "magnitude_sparsity"}, {"params", std::move(params)}};
  object.update(more);
  return MagnitudeSparsity::create(make_conv_net(), algorithm_config(object), {{1, 3, 8, 8}}).status();
}

// Which numbers of all layers' importances, in one row, are greater than the one at index int((N - 1) level).
std::vector<at::Tensor> expected_masks(const MagnitudeSparsity& method, double level, bool is_normed) {
  std::vector<at::Tensor> importances, flat;
  for (const MaskedLayer& layer : method.layers()) {
    at::Tensor importance = layer.weight().abs().to(at::kDouble);
    if (is_normed) importance = importance.div(importance.norm());
    importances.push_back(importance);
    flat.push_back(importance.flatten());
  }
  const at::Tensor sorted = std::get<0>(at::cat(flat).sort());
  const double threshold = sorted[static_cast<int64_t>(static_cast<double>(sorted.numel() - 1) * level)].item<double>();
  std::vector<at::Tensor> masks;
  for (const at::Tensor& importance : importances) masks.push_back(importance.gt(threshold));
  return masks;
}

double level_of(const MagnitudeSparsity& method) {
  double zeros = 0, all = 0;
  for (const MaskedLayer& layer : method.layers()) {
    zeros += static_cast<double>(layer.num_zeros());
    all += static_cast<double>(layer.num_weights());
  }
  return zeros / all;
}

TEST(MagnitudeSparsity, TheLeastImportancesOverAllLayersAreZero) {
  for (const bool is_normed : {true, false}) {
    const auto method = make(make_conv_net(), {{"weight_importance", is_normed ? "normed_abs" : "abs"}});
    for (const double level : {0.1, 0.5, 0.8, 0.99}) {
      method->set_level(level);
      const auto expected = expected_masks(*method, level, is_normed);
      for (size_t i = 0; i < expected.size(); ++i) {
        // The importance at the threshold itself may lie on either side: norms are rounded.
        const int64_t different = method->layers()[i].mask->tensor().ne(expected[i]).sum().item<int64_t>();
        EXPECT_LE(different, 1) << level << " " << method->layers()[i].layer.name;
      }
      EXPECT_NEAR(level_of(*method), level, 0.002);
    }
  }
}

TEST(MagnitudeSparsity, LocallyEachLayerHasTheLevel) {
  const auto method = make(make_conv_net(), {{"sparsity_level_setting_mode", "local"}});
  method->set_level(0.5);
  for (const MaskedLayer& layer : method->layers()) {
    const auto size = static_cast<double>(layer.num_weights());
    EXPECT_EQ(layer.num_zeros(), static_cast<int64_t>((size - 1) * 0.5) + 1) << layer.layer.name;
  }
}

TEST(MagnitudeSparsity, FollowsItsScheduleAndIsThenFrozen) {
  const auto method = make(make_conv_net(), {{"schedule", "multistep"},
                                             {"multistep_steps", {1, 2}},
                                             {"multistep_sparsity_levels", {0.0, 0.3, 0.6}},
                                             {"sparsity_freeze_epoch", 2}});
  EXPECT_EQ(level_of(*method), 0);
  EXPECT_EQ(method->stage(), CompressionStage::kUncompressed);
  method->scheduler().step();
  method->scheduler().epoch_step();
  EXPECT_NEAR(level_of(*method), 0.3, 0.002);
  EXPECT_EQ(method->stage(), CompressionStage::kPartiallyCompressed);
  method->scheduler().epoch_step();
  EXPECT_NEAR(level_of(*method), 0.6, 0.002);
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
  EXPECT_EQ(method->scheduler().epochs_needed(), 2);

  const at::Tensor mask = method->layers()[0].mask->tensor().clone();
  method->layers()[0].layer.weight->tensor().detach().mul_(100);
  method->scheduler().epoch_step();
  EXPECT_TRUE(at::equal(method->layers()[0].mask->tensor(), mask));
}

TEST(MagnitudeSparsity, StartsAtItsInitialLevelAndCountsTheModelsZeros) {
  const auto model = make_conv_net();
  const auto method = make(model, {{"sparsity_target", 0.5}, {"sparsity_target_epoch", 4}}, 0.25);
  EXPECT_NEAR(level_of(*method), 0.25, 0.002);
  const Statistics statistics = method->statistics();
  EXPECT_NEAR(std::get<double>(*statistics.find("sparsified_layers_level")), 0.25, 0.002);
  // 216 + 576 + 32 weights and 4 biases.
  EXPECT_NEAR(std::get<double>(*statistics.find("model_sparsity")), 0.25 * 824 / 828, 0.002);
  EXPECT_EQ(std::get<double>(*statistics.find("target_level")), 0.5);
  const Table* table = statistics.find_table("layers");
  ASSERT_NE(table, nullptr);
  ASSERT_EQ(table->rows().size(), 3u);
  EXPECT_EQ(std::get<std::string>(table->rows()[1][1]), "[8, 8, 3, 3]");
  EXPECT_NEAR(std::get<double>(table->rows()[1][3]), 100.0 * 576 / 828, 1e-9);
}

TEST(MagnitudeSparsity, WorksInItsScopesAlone) {
  const auto model = make_conv_net();
  const auto method = make(model, nlohmann::json::object(), 0.5, {{"ignored_scopes", {"conv1"}}});
  ASSERT_EQ(method->layers().size(), 2u);
  EXPECT_EQ(method->layers()[0].layer.name, "conv2");
}

TEST(MagnitudeSparsity, ExportLeavesZerosInTheWeights) {
  const auto model = make_conv_net();
  const auto method = make(model, nlohmann::json::object(), 0.7);
  const at::Tensor before = run(*model);
  ASSERT_TRUE(method->prepare_for_export().ok());
  EXPECT_TRUE(at::equal(run(*model), before));
  EXPECT_NEAR(level_of(*method), 0.7, 0.002);
  method->scheduler().epoch_step();  // moves nothing any more
  EXPECT_TRUE(at::equal(run(*model), before));
}

TEST(MagnitudeSparsity, RefusesWhatMakesNoSense) {
  EXPECT_THAT(error_of({{"sparsity_target", 1.0}}).message(), HasSubstr("sparsity_target"));
  EXPECT_THAT(error_of({{"sparsity_target", -0.1}}).message(), HasSubstr("sparsity_target"));
  EXPECT_THAT(error_of({{"sparsity_target", 0.5}}, {{"sparsity_init", 1.0}}).message(), HasSubstr("initial sparsity"));
  EXPECT_THAT(error_of({{"weight_importance", "norm"}}).message(), HasSubstr("normed_abs"));
  EXPECT_THAT(error_of({{"schedule", "adaptive"}}).message(), HasSubstr("adaptive"));
  EXPECT_THAT(error_of({{"sparsty_target", 0.5}}).message(), HasSubstr("sparsity_target"));
  EXPECT_THAT(error_of(nlohmann::json::object(), {{"target_scopes", {"conv7"}}}).message(), HasSubstr("conv7"));
  EXPECT_THAT(error_of(nlohmann::json::object(), {{"target_scopes", {"act"}}}).message(), HasSubstr("no layer"));
}

TEST(MagnitudeSparsity, ItsRateIsTheSchedulesLevelUntilItIsSet) {
  const auto method = make(make_conv_net(), {{"sparsity_target", 0.5}, {"sparsity_target_epoch", 2}}, 0.1);
  EXPECT_DOUBLE_EQ(method->compression_rate().value(), 0.1);
  EXPECT_EQ(method->stage(), CompressionStage::kPartiallyCompressed);
  ASSERT_TRUE(method->set_compression_rate(0.8).ok());
  EXPECT_NEAR(level_of(*method), 0.8, 0.002);
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
  for (int epoch = 0; epoch < 3; ++epoch) method->scheduler().epoch_step();
  EXPECT_DOUBLE_EQ(method->compression_rate().value(), 0.8);
  EXPECT_NEAR(level_of(*method), 0.8, 0.002);
  ASSERT_TRUE(method->set_compression_rate(0.3).ok());
  EXPECT_NEAR(level_of(*method), 0.3, 0.002) << "weights come back";
  for (const double rate : {-0.1, 1.0}) {
    EXPECT_THAT(method->set_compression_rate(rate).message(), HasSubstr("expected a number in [0, 1)")) << rate;
  }
}

}  // namespace
}  // namespace pare::sparsity
