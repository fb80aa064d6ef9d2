#include "compression/sparsity/movement_config.h"

#include "compression/analysis/conv_net_testing.h"

namespace pare::sparsity {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

nlohmann::json params(nlohmann::json more = nlohmann::json::object()) {
  nlohmann::json all = {{"warmup_start_epoch", 1}, {"warmup_end_epoch", 3}, {"importance_regularization_factor", 0.1}};
  all.update(more);
  return all;
}

absl::StatusOr<MovementConfig> parse(nlohmann::json params, nlohmann::json structures = nlohmann::json::array()) {
  const auto model = make_conv_net();
  return MovementConfig::parse(algorithm_config({{"algorithm", "movement_sparsity"},
                                                 {"params", std::move(params)},
                                                 {"sparse_structure_by_scopes", std::move(structures)}}),
                               model->graph());
}

// The first error of the entry for the layer fc, of a weight [4, 8].
absl::StatusOr<Cell> cell_for(nlohmann::json structures) {
  const auto config = parse(params(), std::move(structures));
  if (!config.ok()) return config.status();
  const auto model = make_conv_net();
  for (const WeightedLayer& layer : find_weighted_layers(model->graph())) {
    if (layer.name == "fc") return config->cell_of(layer);
  }
  return absl::NotFoundError("fc");
}

TEST(MovementConfig, HasNncfsDefaults) {
  const auto config = parse(params());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->power, 3);
  EXPECT_EQ(config->final_threshold, 0);
  EXPECT_FALSE(config->init_threshold.has_value());
  EXPECT_FALSE(config->resolves_structures) << "not where each weight has a score";
}

TEST(MovementConfig, ResolvesStructuresWhereAnEntryIsCoarseOrAsItIsTold) {
  const auto resolves = [](nlohmann::json entry, nlohmann::json more = nlohmann::json::object()) {
    entry["target_scopes"] = "fc";
    const auto config = parse(params(std::move(more)), nlohmann::json::array({entry}));
    EXPECT_TRUE(config.ok()) << config.status();
    return config.ok() && config->resolves_structures;
  };
  EXPECT_TRUE(resolves({{"mode", "per_dim"}, {"axis", 1}}));
  EXPECT_TRUE(resolves({{"mode", "block"}, {"sparse_factors", {2, 4}}}));
  EXPECT_FALSE(resolves({{"mode", "block"}, {"sparse_factors", {1, 1}}}));
  EXPECT_FALSE(resolves({{"mode", "fine"}}));
  EXPECT_TRUE(resolves({{"mode", "fine"}}, {{"enable_structured_masking", true}}));
  EXPECT_FALSE(resolves({{"mode", "per_dim"}, {"axis", 1}}, {{"enable_structured_masking", false}}));
}

TEST(MovementConfig, GivesEachLayerItsCells) {
  const auto cell = [](nlohmann::json entry) {
    if (!entry.is_null()) entry["target_scopes"] = "fc";
    const auto found = cell_for(entry.is_null() ? nlohmann::json::array() : nlohmann::json::array({entry}));
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? std::pair(found->rows, found->columns) : std::pair<int64_t, int64_t>(0, 0);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(cell(nullptr), Pair(1, 1)) << "a layer that no entry names is fine";
  EXPECT_EQ(cell({{"mode", "fine"}}), Pair(1, 1));
  EXPECT_EQ(cell({{"mode", "block"}, {"sparse_factors", {2, 4}}}), Pair(2, 4));
  EXPECT_EQ(cell({{"mode", "per_dim"}, {"axis", 0}}), Pair(1, 8));
  EXPECT_EQ(cell({{"mode", "per_dim"}, {"axis", 1}}), Pair(4, 1));
}

TEST(MovementConfig, RefusesABlockThatDoesNotDivide) {
  const auto found =
      cell_for(nlohmann::json::array({{{"mode", "block"}, {"sparse_factors", {3, 4}}, {"target_scopes", "fc"}}}));
  EXPECT_THAT(std::string(found.status().message()),
              AllOf(HasSubstr("$.compression.sparse_structure_by_scopes[0].sparse_factors"), HasSubstr("[3, 4]"),
                    HasSubstr("[4, 8]"), HasSubstr("fc")));
}

TEST(MovementConfig, RefusesTwoEntriesForOneLayer) {
  const auto found = cell_for(nlohmann::json::array({{{"target_scopes", "fc"}}, {{"target_scopes", "{re}f"}}}));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("disjoint"));
}

TEST(MovementConfig, RefusesEntriesThatSayTooLittleOrTooMuch) {
  const auto message = [](const nlohmann::json& entry) {
    return std::string(parse(params(), nlohmann::json::array({entry})).status().message());
  };
  EXPECT_THAT(message({{"mode", "block"}, {"target_scopes", "fc"}}), HasSubstr("[0].sparse_factors: missing"));
  EXPECT_THAT(message({{"mode", "per_dim"}, {"target_scopes", "fc"}}), HasSubstr("[0].axis: missing"));
  EXPECT_THAT(message({{"mode", "fine"}}), HasSubstr("[0].target_scopes: missing"));
  EXPECT_THAT(message({{"mode", "fine"}, {"axis", 0}, {"target_scopes", "fc"}}), HasSubstr("per_dim"));
  EXPECT_THAT(message({{"mode", "fine"}, {"sparse_factors", {2, 2}}, {"target_scopes", "fc"}}), HasSubstr("block"));
  EXPECT_THAT(message({{"mode", "block"}, {"sparse_factors", {2}}, {"target_scopes", "fc"}}), HasSubstr("two numbers"));
  EXPECT_THAT(message({{"mode", "per_dim"}, {"axis", 2}, {"target_scopes", "fc"}}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(message({{"mode", "rows"}, {"target_scopes", "fc"}}), HasSubstr("mode"));
  EXPECT_THAT(message({{"target_scopes", "fd"}}), HasSubstr("fd"));
}

TEST(MovementConfig, RefusesASchedulesMistakes) {
  const auto message = [](const nlohmann::json& all) { return std::string(parse(all).status().message()); };
  EXPECT_THAT(message({{"warmup_start_epoch", 1}, {"warmup_end_epoch", 2}}),
              HasSubstr("$.compression.params.importance_regularization_factor: missing"));
  EXPECT_THAT(message(params({{"warmup_end_epoch", 1}})), HasSubstr("warmup_end_epoch: expected an epoch after"));
  EXPECT_THAT(message(params({{"warmup_start_epoch", 0.5}})), HasSubstr("steps_per_epoch: missing"));
  EXPECT_THAT(message(params({{"importance_regularization_factor", -1}})), HasSubstr("at least 0"));
  EXPECT_THAT(message(params({{"power", 0}})), HasSubstr("from 1 to 10"));
  EXPECT_THAT(message(params({{"power", 11}})), HasSubstr("from 1 to 10"));
  EXPECT_THAT(message(params({{"warmup_stop_epoch", 2}})), HasSubstr("unknown key"));
}

TEST(MovementConfig, RefusesAnEntryForNoLayerOfTheMethod) {
  const auto config = parse(params(), nlohmann::json::array({{{"target_scopes", "conv1"}}}));
  ASSERT_TRUE(config.ok()) << config.status();
  const auto model = make_conv_net();
  std::vector<WeightedLayer> linear;
  for (WeightedLayer& layer : find_weighted_layers(model->graph())) {
    if (layer.kind == LayerKind::kLinear) linear.push_back(std::move(layer));
  }
  EXPECT_THAT(std::string(config->check_all_used(linear).message()),
              HasSubstr("sparse_structure_by_scopes[0].target_scopes: names none"));
}

TEST(MovementSchedule, RisesByTheCubeStepByStep) {
  const auto config = parse(params({{"warmup_end_epoch", 3}, {"steps_per_epoch", 4}}));
  MovementSchedule schedule(*config);
  EXPECT_EQ(schedule.epochs_needed(), 3);
  std::vector<double> levels;
  for (int epoch = 0; epoch < 4; ++epoch) {
    for (int step = 0; step < 4; ++step) {
      schedule.step();
      levels.push_back(schedule.level());
    }
    schedule.epoch_step();
  }
  // 1 - (1 - p)^3 with p = 0 through the first epoch, then an eighth more a step.
  const std::vector<double> expected = {
      0,           0,           0,           0, 169.0 / 512, 296.0 / 512, 387.0 / 512, 448.0 / 512,
      485.0 / 512, 504.0 / 512, 511.0 / 512, 1, 1,           1,           1,           1};
  ASSERT_EQ(levels.size(), expected.size());
  for (size_t i = 0; i < levels.size(); ++i) EXPECT_NEAR(levels[i], expected[i], 1e-12) << i;
}

TEST(MovementSchedule, CountsTheStepsOfTheFirstEpochAndEndsWithinOne) {
  const auto config = parse(params({{"warmup_end_epoch", 1.5}, {"power", 1}}));
  MovementSchedule schedule(*config);
  EXPECT_EQ(schedule.epochs_needed(), 2);
  for (int step = 0; step < 4; ++step) schedule.step();
  schedule.epoch_step();
  EXPECT_EQ(schedule.level(), 0);
  schedule.step();
  EXPECT_NEAR(schedule.level(), 0.5, 1e-12);
  schedule.step();
  EXPECT_EQ(schedule.level(), 1);
  EXPECT_TRUE(schedule.is_over());
}

TEST(MovementSchedule, IsNotOverWhereTheLevelMerelyRoundsToOne) {
  const auto config = parse(params({{"warmup_end_epoch", 2}, {"power", 10}, {"steps_per_epoch", 100}}));
  ASSERT_TRUE(config.ok()) << config.status();
  MovementSchedule schedule(*config);
  for (int step = 0; step < 100; ++step) schedule.step();
  schedule.epoch_step();
  for (int step = 0; step < 99; ++step) schedule.step();
  EXPECT_EQ(schedule.level(), 1) << "1 - 1e-20";
  EXPECT_FALSE(schedule.is_over());
  schedule.step();
  EXPECT_TRUE(schedule.is_over());
}

}  // namespace
}  // namespace pare::sparsity
