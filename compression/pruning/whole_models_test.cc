// Whole networks: what they compute with channels masked they compute without them.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "compression/pruning/testing.h"
#include "graph/import.h"
#include "graph/state.h"
#include "graph/validate.h"
#include "models/mobilenet_v2.h"
#include "models/resnet.h"
#include "models/vision_transformer.h"

namespace pare::pruning {
namespace {

struct Case {
  std::string name;
  std::function<absl::StatusOr<models::BuiltModel>()> build;
  std::vector<int64_t> input_shape;
  nlohmann::json params;
  double least_removed;  // share of FLOPs that a level of 0.5 takes out, at least
};

std::vector<Case> cases() {
  using models::Shortcut;
  const auto resnet = [](int64_t blocks, Shortcut shortcut) {
    return [=] { return models::make_resnet({.blocks = blocks, .width = 16, .shortcut = shortcut}, {}); };
  };
  const nlohmann::json everything = {{"prune_first_conv", true}, {"prune_downsample_convs", true}};
  const std::vector<int64_t> cifar{1, 3, 32, 32}, small{1, 3, 16, 16};
  const auto mobile = [] {
    return models::make_mobilenet_v2({.width_multiplier = 0.35, .small_images = true, .dropout = 0}, {});
  };
  const auto transformer = [] {
    return models::make_vision_transformer({.patch_size = 8, .width = 48, .depth = 2, .heads = 4}, {});
  };
  return {
      {"resnet20", resnet(3, Shortcut::kParameterFree), cifar, {}, 0.3},
      {"resnet20_everything", resnet(3, Shortcut::kParameterFree), cifar, everything, 0.5},
      {"resnet20_projections", resnet(3, Shortcut::kProjection), cifar, {}, 0.3},
      {"resnet20_projections_everything", resnet(3, Shortcut::kProjection), cifar, everything, 0.5},
      {"resnet56_everything", resnet(9, Shortcut::kParameterFree), cifar, everything, 0.5},
      {"resnet20_without_batch_norms", resnet(3, Shortcut::kProjection), cifar, {{"prune_batch_norms", false}}, 0.3},
      {"mobilenet_v2", mobile, cifar, {}, 0.3},
      {"mobilenet_v2_everything", mobile, cifar, everything, 0.5},
      {"vision_transformer", transformer, cifar, {}, 0.3},
      {"dense_net", make_dense_net, small, {}, 0.3},
      {"squeeze_excite_net", make_squeeze_excite_net, small, everything, 0.3},
      {"grouped_net", make_grouped_net, small, everything, 0.3},
      {"decoder_net", make_decoder_net, small, everything, 0.3},
  };
}

class WholeModels : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<FilterPruning> pruned(nlohmann::json params) const {
    nlohmann::json all = GetParam().params.is_null() ? nlohmann::json::object() : GetParam().params;
    all.update(params);
    return prune(import_built(GetParam().build()), all, {GetParam().input_shape});
  }
  at::Tensor input(int64_t batch = 4) const { return images(GetParam().input_shape, batch); }
};

TEST_P(WholeModels, ComputeTheSameMaskedAndWithoutTheChannels) {
  for (const double level : {0.2, 0.5, 0.95}) {
    const auto method = pruned({{"pruning_target", level}});
    ASSERT_NE(method, nullptr);
    graph::Model& model = *method->model();
    const graph::ModelState before = graph::get_state(model);
    const at::Tensor masked = run(model, input());
    model.train();
    const at::Tensor masked_training = run(model, input());
    model.eval();
    ASSERT_TRUE(graph::set_state(model, before).ok());

    const double wanted = method->cost().of(*method->removed()).parameters;
    const absl::Status cut = method->remove_pruned_channels();
    ASSERT_TRUE(cut.ok()) << cut;
    ASSERT_TRUE(graph::validate(model.graph()).ok()) << graph::validate(model.graph());
    EXPECT_LT(difference(run(model, input()), masked), 1e-5) << level;
    model.train();
    EXPECT_LT(difference(run(model, input()), masked_training), 1e-5) << level << " in training";
    // As many parameters as were counted, and no mask.
    double parameters = 0;
    for (const at::Tensor& parameter : model.parameters()) parameters += static_cast<double>(parameter.numel());
    EXPECT_NEAR(parameters, wanted, 0.5);
    for (const auto& [name, buffer] : model.named_buffers()) EXPECT_EQ(name.find("filter_mask"), std::string::npos);
    const ModelCost cost = method->cost().of(*method->removed());
    if (level == 0.5) {
      EXPECT_GT(1 - cost.flops / method->cost().full().flops, GetParam().least_removed);
    }
  }
}

TEST_P(WholeModels, GoOnTrainingAlike) {
  const auto masked = pruned({{"pruning_target", 0.5}}), smaller = pruned({{"pruning_target", 0.5}});
  ASSERT_TRUE(smaller->remove_pruned_channels().ok());
  for (FilterPruning* method : {masked.get(), smaller.get()}) train(*method->model(), input(8), 3, 1e-3);
  EXPECT_LT(difference(run(*smaller->model(), input()), run(*masked->model(), input())), 1e-3);
  // The masked one can be cut now as well.
  const at::Tensor before = run(*masked->model(), input());
  ASSERT_TRUE(masked->prepare_for_export().ok());
  EXPECT_LT(difference(run(*masked->model(), input()), before), 1e-5);
}

TEST_P(WholeModels, ReachATargetOfFlops) {
  const auto method = pruned({{"pruning_flops_target", 0.3}});
  ASSERT_NE(method, nullptr);
  const double left = method->cost().of(*method->removed()).flops / method->cost().full().flops;
  EXPECT_LE(left, 0.7 + 1e-6);
  EXPECT_GT(left, 0.4);
}

INSTANTIATE_TEST_SUITE_P(All, WholeModels, ::testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param.name; });

TEST(WholeModelsUnits, OfATransformerAreHeadsAndRowsOfTheMlp) {
  const auto model =
      import_built(models::make_vision_transformer({.patch_size = 8, .width = 48, .depth = 2, .heads = 4}, {}));
  const auto method = prune(model, {{"pruning_target", 0.5}}, {{1, 3, 32, 32}});
  ASSERT_NE(method, nullptr);
  size_t heads = 0, rows = 0;
  for (const PruningUnit& unit : method->units().units()) {
    const std::string& layer = method->units().layers()[unit.filters[0].layer].layer.name;
    if (layer.find("qkv") != std::string::npos) {
      EXPECT_EQ(unit.filters.size(), 3u * 12u);
      ++heads;
    } else {
      EXPECT_NE(layer.find("mlp.fc1"), std::string::npos) << layer;
      ++rows;
    }
  }
  EXPECT_EQ(heads, 2u * 4u);
  EXPECT_EQ(rows, 2u * 96u);
}

TEST(WholeModelsReal, ATracedResNet20) {
  const char* data = std::getenv("PARE_DATA");
  const std::string path = absl::StrCat(data == nullptr ? "" : data, "/resnet20_cifar10/resnet20_cifar10.pt");
  if (data == nullptr || !std::filesystem::exists(path)) GTEST_SKIP() << "PARE_DATA names no folder with " << path;
  for (const bool everything : {false, true}) {
    auto model = graph::import_torchscript(path, {.input_shapes = {{1, 3, 32, 32}}});
    ASSERT_TRUE(model.ok()) << model.status();
    const auto method = prune(*model,
                              {{"pruning_target", 0.4},
                               {"round_to", 8},
                               {"prune_first_conv", everything},
                               {"prune_downsample_convs", everything}},
                              {{1, 3, 32, 32}});
    ASSERT_NE(method, nullptr);
    const at::Tensor input = images({1, 3, 32, 32}, 8);
    const at::Tensor masked = run(**model, input);
    ASSERT_TRUE(method->remove_pruned_channels().ok());
    EXPECT_LT(difference(run(**model, input), masked), 1e-5);
    const double left = method->cost().of(*method->removed()).flops / method->cost().full().flops;
    EXPECT_LT(left, everything ? 0.75 : 0.85);
    for (const PrunedLayer& layer : method->units().layers()) {
      const at::Tensor& weight = layer.layer.weight->tensor();
      if (!everything && weight.dim() == 4) {
        EXPECT_EQ(weight.size(0) % 8, 0) << layer.layer.name;
      }
    }
  }
}

}  // namespace
}  // namespace pare::pruning
