#include "compression/pruning/filter_pruning.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compression/pruning/testing.h"
#include "data/data_loader.h"
#include "gmock/gmock.h"
#include "graph/state.h"
#include "gtest/gtest.h"
#include "models/mlp.h"
#include "models/resnet.h"

namespace pare::pruning {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const InputSize kCifar{{1, 3, 32, 32}};

std::shared_ptr<graph::Model> small_resnet() {
  return import_built(models::make_resnet({.blocks = 1, .width = 16, .shortcut = models::Shortcut::kProjection}, {}));
}

absl::StatusOr<std::unique_ptr<FilterPruning>> make(Json params, Json more = Json::object()) {
  return FilterPruning::create(small_resnet(), pruning_config(std::move(params), std::move(more)), kCifar);
}

int64_t masked(const FilterPruning& method) {
  const RemovedUnits removed = method.removed().value();
  return std::count(removed.begin(), removed.end(), true);
}

template <typename T>
T statistic(const FilterPruning& method, const std::string& name) {
  const Statistics statistics = method.statistics();
  const StatisticsValue* value = statistics.find(name);
  EXPECT_NE(value, nullptr) << name;
  return value == nullptr ? T() : std::get<T>(*value);
}

TEST(FilterPruning, FollowsItsScheduleAndIsThenFrozen) {
  const auto made = make({{"schedule", "exponential"},
                          {"pruning_target", 0.5},
                          {"pruning_steps", 3},
                          {"num_init_steps", 1},
                          {"round_to", 1}});
  ASSERT_TRUE(made.ok()) << made.status();
  FilterPruning& method = **made;
  EXPECT_EQ(method.stage(), CompressionStage::kUncompressed);
  EXPECT_EQ(masked(method), 0);
  std::vector<int64_t> counts;
  for (int epoch = 0; epoch < 5; ++epoch) {
    train(*method.model(), images(kCifar[0], 2, static_cast<uint64_t>(epoch)), 1, 0.05);
    method.scheduler().epoch_step();
    counts.push_back(masked(method));
  }
  EXPECT_EQ(counts[0], 0);
  EXPECT_LT(0, counts[1]);
  EXPECT_LT(counts[1], counts[2]);
  EXPECT_EQ(counts[2], static_cast<int64_t>(method.units().units().size()) / 2);
  EXPECT_EQ(method.stage(), CompressionStage::kFullyCompressed);
  // Frozen: other weights, the same masks.
  const RemovedUnits frozen = *method.removed();
  {
    const at::NoGradGuard no_grad;
    for (at::Tensor parameter : method.model()->parameters()) parameter.copy_(at::randn_like(parameter));
  }
  method.scheduler().epoch_step();
  EXPECT_EQ(*method.removed(), frozen);
}

TEST(FilterPruning, TheLeastFiltersOfEachLayerAreMasked) {
  const auto made = make({{"schedule", "baseline"}, {"pruning_target", 0.25}, {"round_to", 1}});
  ASSERT_TRUE(made.ok()) << made.status();
  const FilterPruning& method = **made;
  int layers = 0;
  for (const PrunedLayer& layer : method.units().layers()) {
    const at::Tensor weight = layer.layer.weight->tensor().detach();
    const at::Tensor norms = weight.flatten(1).norm(2, 1);
    double most = 0, least = 1e9;
    for (int64_t i = 0; i < layer.num_filters(); ++i) {
      const int32_t unit = layer.units[static_cast<size_t>(i)];
      if (unit == kNoUnit || method.units().units()[static_cast<size_t>(unit)].filters.size() > 1) continue;
      const double norm = norms[i].item<double>();
      if ((*method.removed())[static_cast<size_t>(unit)]) {
        most = std::max(most, norm);
      } else {
        least = std::min(least, norm);
      }
    }
    if (most == 0) continue;
    EXPECT_LE(most, least) << layer.layer.name;
    ++layers;
  }
  EXPECT_GT(layers, 0);
}

TEST(FilterPruning, StatisticsCountWhatIsLeft) {
  const auto made = make({{"schedule", "baseline"}, {"pruning_target", 0.5}});
  ASSERT_TRUE(made.ok()) << made.status();
  FilterPruning& method = **made;
  EXPECT_DOUBLE_EQ(statistic<double>(method, "level"), 0.5);
  EXPECT_DOUBLE_EQ(statistic<double>(method, "target_level"), 0.5);
  const auto flops = statistic<int64_t>(method, "flops"), full = statistic<int64_t>(method, "full_flops");
  EXPECT_LT(flops, full);
  EXPECT_NEAR(statistic<double>(method, "flops_removed"), 1 - static_cast<double>(flops) / static_cast<double>(full),
              1e-6);
  const Statistics statistics = method.statistics();
  const Table* table = statistics.find_table("layers");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->rows().size(), method.units().layers().size());
  // What the smaller model has, counted again.
  ASSERT_TRUE(method.remove_pruned_channels().ok());
  EXPECT_EQ(statistic<int64_t>(method, "flops"), flops);
  const auto fresh = ChannelLabels::analyze(*method.model(), kCifar, {});
  const auto units = PruningUnits::find(method.model()->graph(), *fresh, pruning_config({}), {});
  ASSERT_TRUE(units.ok()) << units.status();
  const auto cost = PruningCost::create(*method.model(), *fresh, *units, kCifar);
  EXPECT_NEAR(cost->full().flops, static_cast<double>(flops), 1.0);
}

TEST(FilterPruning, MistakesInTheConfigAreNamed) {
  EXPECT_THAT(make({{"pruning_target", 0.5}, {"pruning_flops_target", 0.5}}).status().message(),
              HasSubstr("$.compression.params.pruning_flops_target"));
  for (const double level : {-0.1, 1.0, 1.5}) {
    EXPECT_THAT(make({{"pruning_target", level}}).status().message(), HasSubstr("pruning_target")) << level;
  }
  EXPECT_THAT(make({}, {{"pruning_init", 1.0}}).status().message(), HasSubstr("initial pruning level"));
  EXPECT_THAT(make({{"filter_importance", "L3"}}).status().message(), HasSubstr("filter_importance"));
  EXPECT_THAT(make({{"round_to", 0}}).status().message(), HasSubstr("round_to"));
  EXPECT_THAT(make({{"prunning_target", 0.5}}).status().message(), HasSubstr("did you mean \"pruning_target\""));
  EXPECT_THAT(make({{"legr_params", {{"sample", 9}, {"population", 4}}}}).status().message(), HasSubstr("sample"));
}

TEST(FilterPruning, KeysOfNncfAreTaken) {
  const Json params = {{"schedule", "baseline"}, {"filter_importance", "geometric_median"}, {"zero_grad", true}};
  const Json more = {{"pruning_init", 0.1}, {"initializer", {{"batchnorm_adaptation", Json::object()}}}};
  const auto made = make(params, more);
  EXPECT_TRUE(made.ok()) << made.status();
}

TEST(FilterPruning, FlopsOutOfReachSayWhatIsWithin) {
  const absl::Status status = make({{"schedule", "baseline"}, {"pruning_flops_target", 0.95}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("$.compression.params"));
  EXPECT_THAT(status.message(), HasSubstr("0.95 cannot be reached"));
}

TEST(FilterPruning, NothingToPruneSaysWhy) {
  const auto status =
      FilterPruning::create(small_resnet(), pruning_config({}, {{"ignored_scopes", {"{re}.*"}}}), kCifar);
  EXPECT_THAT(status.status().message(), HasSubstr("finds no layer"));
  const auto mlp = import_built(models::make_mlp({}, {}));
  ASSERT_NE(mlp, nullptr);
  const auto none = FilterPruning::create(mlp, pruning_config({{"prune_linear", false}}), kCifar);
  EXPECT_THAT(none.status().message(), HasSubstr("finds no filter that it may remove"));
}

TEST(FilterPruning, IgnoredLayersKeepTheirFilters) {
  const auto made = make({{"schedule", "baseline"}}, {{"ignored_scopes", {"layer3.0.conv1"}}});
  ASSERT_TRUE(made.ok()) << made.status();
  for (const PrunedLayer& layer : (*made)->units().layers()) {
    const bool has_units =
        std::any_of(layer.units.begin(), layer.units.end(), [](int32_t unit) { return unit != kNoUnit; });
    if (layer.layer.name == "layer3.0.conv1") {
      EXPECT_FALSE(has_units);
    }
    if (layer.layer.name == "layer1.0.conv1") {
      EXPECT_TRUE(has_units);
    }
  }
}

TEST(FilterPruning, ACheckpointKeepsMasks) {
  const auto one = make({{"schedule", "baseline"}, {"round_to", 1}}),
             two = make({{"schedule", "baseline"}, {"round_to", 1}, {"num_init_steps", 5}});
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(masked(**two), 0);
  ASSERT_TRUE(graph::set_state(*(*two)->model(), graph::get_state(*(*one)->model())).ok());
  ASSERT_TRUE((*two)->set_state((*one)->state()).ok());
  EXPECT_EQ(*(*two)->removed(), *(*one)->removed());
}

TEST(FilterPruning, MasksOfAnotherShapeOrOfHalfAFilterAreRefused) {
  const auto made = make({{"schedule", "baseline"}, {"round_to", 1}});
  ASSERT_TRUE(made.ok());
  FilterPruning& method = **made;
  graph::ModelState state = graph::get_state(*method.model());
  const std::string name = "layer1.0.conv1.weight.filter_mask";
  ASSERT_EQ(state.tensors.count(name), 1u);
  state.tensors[name] = at::ones({3, 3}, at::kBool);
  EXPECT_THAT(graph::set_state(*method.model(), state).message(), HasSubstr(name));

  const at::Tensor filter = method.model()->graph().find_parameter(name)->tensor().select(0, 0);
  filter.fill_(true);
  filter.select(0, 0).fill_(false);
  EXPECT_THAT(method.removed().status().message(), HasSubstr("no filters as a whole"));
  EXPECT_FALSE(method.remove_pruned_channels().ok());
  EXPECT_FALSE(method.set_state(method.state()).ok());
}

TEST(FilterPruning, CuttingWaitsForTheSchedule) {
  const auto made = make({{"schedule", "exponential"}, {"pruning_steps", 3}, {"round_to", 1}});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made)->remove_pruned_channels().code(), absl::StatusCode::kFailedPrecondition);
  for (int i = 0; i < 3; ++i) (*made)->scheduler().epoch_step();
  EXPECT_TRUE((*made)->remove_pruned_channels().ok());
  EXPECT_TRUE((*made)->is_cut());
  EXPECT_TRUE((*made)->remove_pruned_channels().ok()) << "again is fine";
  (*made)->scheduler().epoch_step();
}

// Sixteen batches of noise with classes that the first channel's mean decides.
class NoiseLoader : public data::DataLoader {
 public:
  absl::Status start_epoch(int64_t) override {
    next_ = 0;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<data::Batch>> next() override {
    if (next_ == 4) return std::nullopt;
    data::Batch batch;
    batch.inputs = {images({1, 3, 32, 32}, 4, static_cast<uint64_t>(next_++))};
    batch.targets = at::arange(4, at::kLong);
    return batch;
  }
  int64_t num_batches() const override { return 4; }
  int64_t num_samples() const override { return 16; }
  int64_t batch_size() const override { return 4; }

 private:
  int64_t next_ = 4;
};

TEST(FilterPruning, ARankingIsLearnedAndTheModelIsAsBefore) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/learned.json");
  const Json params = {
      {"schedule", "baseline"},
      {"pruning_flops_target", 0.2},
      {"round_to", 1},
      {"interlayer_ranking_type", "learned_ranking"},
      {"save_ranking_coeffs_path", path},
      {"legr_params",
       {{"generations", 6}, {"population", 3}, {"sample", 2}, {"train_steps", 2}, {"max_pruning", 0.3}}}};
  const auto made = make(params);
  ASSERT_TRUE(made.ok()) << made.status();
  FilterPruning& method = **made;
  const graph::ModelState before = graph::get_state(*method.model());
  at::manual_seed(4);
  const at::Tensor expected_noise = at::rand({3});
  at::manual_seed(4);
  NoiseLoader loader;
  const absl::Status learned = method.initialize(loader);
  ASSERT_TRUE(learned.ok()) << learned;
  EXPECT_TRUE(at::equal(at::rand({3}), expected_noise));
  EXPECT_FALSE(method.model()->is_training());
  EXPECT_EQ(method.ranking().size(), method.units().layers().size());
  for (const auto& [name, tensor] : graph::get_state(*method.model()).tensors) {
    if (name.find("filter_mask") != std::string::npos) continue;
    EXPECT_TRUE(at::equal(tensor, before.tensors.at(name))) << name;
  }
  for (const at::Tensor& parameter : method.model()->parameters()) EXPECT_FALSE(parameter.grad().defined());
  EXPECT_GE(statistic<double>(method, "flops_removed"), 0.2 - 1e-9);

  // The file, and a checkpoint, bring the same ranking.
  Json loading = params;
  loading.erase("save_ranking_coeffs_path");
  const auto resumed = make(loading);
  ASSERT_TRUE((*resumed)->set_state(method.state()).ok());
  EXPECT_EQ((*resumed)->ranking(), method.ranking());
  loading["load_ranking_coeffs_path"] = path;
  const auto loaded = make(loading);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->ranking(), method.ranking());
  EXPECT_EQ(*(*loaded)->removed(), *method.removed());
}

TEST(FilterPruning, ItsRateIsHeldWhereItIsSet) {
  const auto made = make({{"schedule", "exponential"}, {"pruning_target", 0.5}, {"round_to", 1}});
  ASSERT_TRUE(made.ok()) << made.status();
  FilterPruning& method = **made;
  EXPECT_EQ(method.compression_rate().value(), 0.0);
  ASSERT_TRUE(method.set_compression_rate(0.3).ok());
  const int64_t some = masked(method);
  EXPECT_GT(some, 0);
  method.scheduler().epoch_step();
  EXPECT_EQ(method.compression_rate().value(), 0.3);
  EXPECT_EQ(masked(method), some);
  EXPECT_EQ(statistic<double>(method, "target_level"), 0.3);
  EXPECT_EQ(method.stage(), CompressionStage::kFullyCompressed);
  EXPECT_EQ(method.set_compression_rate(1.0).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(method.remove_pruned_channels().ok());
  EXPECT_EQ(method.set_compression_rate(0.4).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(FilterPruning, ARateOfFlopsMayBeOutOfReach) {
  const auto made = make({{"schedule", "baseline"}, {"pruning_flops_target", 0.1}});
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_TRUE((*made)->set_compression_rate(0.15).ok());
  const int64_t before = masked(**made);
  const absl::Status status = (*made)->set_compression_rate(0.95);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("0.95 cannot be reached"));
  EXPECT_EQ((*made)->compression_rate().value(), 0.15);
  EXPECT_EQ(masked(**made), before);
}

}  // namespace
}  // namespace pare::pruning
