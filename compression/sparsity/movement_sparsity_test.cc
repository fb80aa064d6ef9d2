#include "compression/sparsity/movement_sparsity.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <torch/nn/module.h>

#include "compression/all_methods.h"
#include "compression/analysis/conv_net_testing.h"
#include "compression/create.h"
#include "graph/import.h"
#include "graph/state.h"
#include "models/vision_transformer.h"
#include "ops/sparsity_masks.h"
#include "training/optimizer.h"

namespace pare::sparsity {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kWidth = 48, kHeads = 4, kHeadWidth = 12;

at::Tensor images(int64_t batch, uint64_t seed = 1) {
  return at::randn({batch, 3, 32, 32}, at::detail::createCPUGenerator(seed));
}

at::Tensor run_on(graph::Model& model, const at::Tensor& input) {
  auto output = model.forward_tensor({input});
  EXPECT_TRUE(output.ok()) << output.status();
  return output.ok() ? *output : at::Tensor();
}

// Two blocks of 4 heads of 12 features, and 96 units in the MLPs. Its biases are no zeros, which would hide what
// becomes of masked rows.
std::shared_ptr<graph::Model> make_transformer() {
  auto built = models::make_vision_transformer({.patch_size = 8, .width = kWidth, .depth = 2, .heads = kHeads}, {});
  EXPECT_TRUE(built.ok()) << built.status();
  {
    const at::NoGradGuard no_grad;
    const at::Generator generator = at::detail::createCPUGenerator(5);
    for (at::Tensor& parameter : built->module->parameters())
      parameter.add_(at::randn(parameter.sizes(), generator), 0.1);
  }
  auto model = graph::import_module(
      *built->module, [&](const std::vector<at::Tensor>& x) { return built->forward(x[0]); }, {images(1)});
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

nlohmann::json config_of(nlohmann::json params, nlohmann::json more = nlohmann::json::object()) {
  nlohmann::json all = {{"warmup_start_epoch", 1}, {"warmup_end_epoch", 3}, {"importance_regularization_factor", 0.8}};
  all.update(params);
  nlohmann::json config = {{"algorithm", "movement_sparsity"}, {"params", all}};
  config.update(more);
  return config;
}

std::unique_ptr<MovementSparsity> make(const std::shared_ptr<graph::Model>& model, nlohmann::json params,
                                       nlohmann::json more = nlohmann::json::object(),
                                       InputSize size = {{1, 3, 8, 8}}) {
  auto method = MovementSparsity::create(model, algorithm_config(config_of(std::move(params), std::move(more))), size);
  EXPECT_TRUE(method.ok()) << method.status();
  return method.ok() ? *std::move(method) : nullptr;
}

std::unique_ptr<MovementSparsity> make_on_transformer(const std::shared_ptr<graph::Model>& model,
                                                      nlohmann::json params = nlohmann::json::object(),
                                                      nlohmann::json more = nlohmann::json::object()) {
  if (!params.contains("enable_structured_masking")) params["enable_structured_masking"] = true;
  return make(model, std::move(params), std::move(more), {{1, 3, 32, 32}});
}

MovementSparsity::Layer find_layer(const MovementSparsity& method, const std::string& name) {
  for (const auto& layer : method.layers()) {
    if (layer.layer.name == name) return layer;
  }
  ADD_FAILURE() << name;
  return {};
}

at::Tensor scores_of(const MovementSparsity& method, const std::string& name) {
  return find_layer(method, name).scores->tensor().detach();
}

void end_epochs(MovementSparsity& method, int epochs, int steps = 2) {
  for (int i = 0; i < epochs; ++i) {
    for (int step = 0; step < steps; ++step) method.scheduler().step();
    method.scheduler().epoch_step();
  }
}

double number(const MovementSparsity& method, const std::string& name) {
  const Statistics statistics = method.statistics();
  const StatisticsValue* value = statistics.find(name);
  if (value == nullptr) return -1e9;
  return std::holds_alternative<int64_t>(*value) ? static_cast<double>(std::get<int64_t>(*value))
                                                 : std::get<double>(*value);
}

TEST(MovementSparsity, MasksNothingBeforeTheWarmUpWhileScoresLearn) {
  const auto model = make_conv_net();
  const at::Tensor before = run(*model);
  const auto method = make(model, nlohmann::json::object());
  ASSERT_EQ(method->layers().size(), 1u) << "convolutions are not its business";
  EXPECT_EQ(method->own_parameters().size(), 1u);
  model->train();
  const at::Tensor output = run(*model);
  EXPECT_TRUE(at::equal(output, before));
  EXPECT_FALSE(method->loss().forward().defined());
  EXPECT_EQ(method->stage(), CompressionStage::kUncompressed);
  EXPECT_EQ(method->statistics().find("threshold"), nullptr);
  output.sum().backward();
  EXPECT_GT(method->layers()[0].scores->tensor().grad().abs().max().item<double>(), 0);
}

TEST(MovementSparsity, ThresholdAndFactorRiseByTheCube) {
  const auto method = make(make_conv_net(), {{"init_importance_threshold", -1}, {"final_importance_threshold", 0.5}});
  end_epochs(*method, 1);
  EXPECT_EQ(method->stage(), CompressionStage::kUncompressed);
  for (const double rest : {27.0 / 64, 1.0 / 8, 1.0 / 64}) {  // (1 - p)^3 at p = 1/4, 1/2, 3/4
    method->scheduler().step();
    EXPECT_NEAR(method->threshold(), 0.5 - 1.5 * rest, 1e-12);
    EXPECT_NEAR(number(*method, "threshold"), 0.5 - 1.5 * rest, 1e-12);
    EXPECT_NEAR(number(*method, "factor"), 0.8 * (1 - rest), 1e-12);
    EXPECT_NEAR(method->loss().forward().item<double>(), 0.8 * (1 - rest) * 0.5, 1e-6) << "sigmoid(0) is 1/2";
    EXPECT_EQ(method->stage(), CompressionStage::kPartiallyCompressed);
    if (rest == 1.0 / 8) method->scheduler().epoch_step();
  }
  method->scheduler().step();
  EXPECT_EQ(method->threshold(), 0.5);
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
  EXPECT_FALSE(method->loss().forward().defined());
  EXPECT_EQ(method->scheduler().epochs_needed(), 3);
}

TEST(MovementSparsity, TheChosenThresholdMasksAThousandthAtMost) {
  const auto model = make_transformer();
  const auto method = make_on_transformer(model, {{"enable_structured_masking", false}});
  const at::Tensor scores = scores_of(*method, "blocks.1.mlp.fc1");  // 4608 of the 37344 weights
  scores.copy_(at::arange(4608.0).sub(10000).view({96, 48}));
  end_epochs(*method, 1);
  method->scheduler().step();
  // 37 weights below, then rising to 0 by a part of 1 - (3/4)^3.
  EXPECT_NEAR(method->threshold(), -(10000 - 37.0) * 27 / 64, 0.01);
  const auto untouched = make(make_conv_net(), nlohmann::json::object());
  end_epochs(*untouched, 1);
  untouched->scheduler().step();
  const double chosen = untouched->state()["init_threshold"].get<double>();
  EXPECT_TRUE(chosen < 0 && chosen > -1e-30) << chosen << ": at it, scores that are all zero stay";
}

TEST(MovementSparsity, FindsHeadsAndUnitsOfATransformer) {
  const auto method = make_on_transformer(make_transformer());
  EXPECT_EQ(method->structures().size(), 2 * kHeads + 2 * 96);
  const MovementStructures::Places& qkv = method->structures().places()[0];
  const MovementStructures::Places& projection = method->structures().places()[1];
  EXPECT_FALSE(method->structures().fit({at::randn({2, 2}).gt(0)})) << "and says which weights they are not for";
  for (int64_t row = 0; row < 3 * kWidth; ++row) {
    EXPECT_EQ(qkv.rows[static_cast<size_t>(row)], row % kWidth / kHeadWidth) << row;
  }
  for (int64_t i = 0; i < kWidth; ++i) {
    EXPECT_EQ(projection.columns[static_cast<size_t>(i)], i / kHeadWidth);
    EXPECT_EQ(projection.rows[static_cast<size_t>(i)], -1) << "the residual stream stays";
    EXPECT_EQ(qkv.columns[static_cast<size_t>(i)], -1);
  }
}

// Head 1 and unit 5 are dead in every layer; head 2 and unit 6 in all but a weight.
void kill(MovementSparsity& method, const std::string& block) {
  for (const auto& layer : method.layers()) layer.scores->tensor().detach().fill_(1.0);
  const at::Tensor qkv = scores_of(method, block + ".attn.qkv").view({3, kHeads, kHeadWidth, kWidth});
  const at::Tensor projection = scores_of(method, block + ".attn.proj").view({kWidth, kHeads, kHeadWidth});
  const at::Tensor fc1 = scores_of(method, block + ".mlp.fc1"), fc2 = scores_of(method, block + ".mlp.fc2");
  for (const int64_t head : {1, 2}) {
    qkv.select(1, head).fill_(-1.0);
    projection.select(1, head).fill_(-1.0);
    fc1[head + 4].fill_(-1.0);
    fc2.select(1, head + 4).fill_(-1.0);
  }
  qkv[0][2][3][7].fill_(1.0);
  fc2[9][6].fill_(1.0);
  scores_of(method, "head")[0][0].fill_(-1.0);
}

TEST(MovementSparsity, ResolvesMasksToWholeHeadsAndUnits) {
  const auto model = make_transformer();
  const auto method = make_on_transformer(model);
  kill(*method, "blocks.0");
  end_epochs(*method, 2);
  EXPECT_EQ(find_layer(*method, "blocks.0.attn.qkv").sparse_weight().eq(0).sum().item<int64_t>(),
            2 * 3 * kHeadWidth * kWidth - 1)
      << "as learned until the warm-up is over";
  end_epochs(*method, 1);
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
  EXPECT_EQ(number(*method, "structures"), 200);
  EXPECT_EQ(number(*method, "dead_structures"), 2);
  const auto zeros = [&](const std::string& name) { return find_layer(*method, name).sparse_weight().eq(0); };
  const at::Tensor qkv = zeros("blocks.0.attn.qkv").view({3, kHeads, kHeadWidth * kWidth});
  EXPECT_TRUE(qkv.select(1, 1).all().item<bool>());
  EXPECT_EQ(qkv.sum().item<int64_t>(), 3 * kHeadWidth * kWidth) << "head 2 lives, whole";
  const at::Tensor projection = zeros("blocks.0.attn.proj");
  EXPECT_TRUE(projection.narrow(1, kHeadWidth, kHeadWidth).all().item<bool>());
  EXPECT_EQ(projection.sum().item<int64_t>(), kHeadWidth * kWidth);
  EXPECT_TRUE(zeros("blocks.0.mlp.fc1")[5].all().item<bool>());
  EXPECT_EQ(zeros("blocks.0.mlp.fc1").sum().item<int64_t>(), kWidth);
  EXPECT_TRUE(zeros("blocks.0.mlp.fc2").select(1, 5).all().item<bool>());
  EXPECT_EQ(zeros("blocks.0.mlp.fc2").sum().item<int64_t>(), kWidth);
  EXPECT_EQ(zeros("blocks.1.attn.qkv").sum().item<int64_t>(), 0);
  EXPECT_EQ(zeros("head").sum().item<int64_t>(), 1) << "what is in no structure stays as learned";

  // Nothing is left of them in the output, whatever their biases are.
  const at::Tensor before = run_on(*model, images(2)).detach();
  const at::NoGradGuard no_grad;
  model->graph()
      .find_parameter("blocks.0.attn.qkv.bias")
      ->tensor()
      .view({3, kHeads, kHeadWidth})
      .select(1, 1)
      .add_(3.0);
  model->graph().find_parameter("blocks.0.mlp.fc1.bias")->tensor()[5].add_(3.0);
  EXPECT_LT(run_on(*model, images(2)).sub(before).abs().max().item<double>(), 1e-5);
  model->graph().find_parameter("blocks.0.mlp.fc1.bias")->tensor()[6].add_(3.0);
  EXPECT_GT(run_on(*model, images(2)).sub(before).abs().max().item<double>(), 1e-5);
}

TEST(MovementSparsity, WithoutStructuresMasksStayAsLearned) {
  const auto method = make_on_transformer(make_transformer(), {{"enable_structured_masking", false}});
  kill(*method, "blocks.0");
  end_epochs(*method, 3);
  EXPECT_TRUE(method->is_frozen());
  EXPECT_EQ(find_layer(*method, "blocks.0.mlp.fc2").sparse_weight().eq(0).sum().item<int64_t>(), 2 * kWidth - 1);
  EXPECT_EQ(method->statistics().find("structures"), nullptr);
}

// Scores of which half are below 0, strewn over all weights; gives what is logged until the warm-up is over.
std::string train_with_strewn_scores(MovementSparsity& method) {
  for (const auto& layer : method.layers()) {
    at::Tensor scores = layer.scores->tensor().detach();
    scores.copy_(at::randn(scores.sizes(), at::detail::createCPUGenerator(11)));
  }
  ::testing::internal::CaptureStderr();
  end_epochs(method, 3);
  EXPECT_TRUE(method.is_frozen());
  return ::testing::internal::GetCapturedStderr();
}

TEST(MovementSparsity, ScoresAWeightKeepTheirZerosUnlessTold) {
  const auto method = make(make_transformer(), nlohmann::json::object(), nlohmann::json::object(), {{1, 3, 32, 32}});
  const std::string logged = train_with_strewn_scores(*method);
  EXPECT_EQ(method->structures().size(), 0);
  EXPECT_NEAR(number(*method, "sparsified_layers_level"), 0.5, 0.05);
  EXPECT_EQ(logged.find("came back"), std::string::npos) << logged;
}

TEST(MovementSparsity, WarnsWhereResolvingGivesMostZerosBack) {
  const auto method = make_on_transformer(make_transformer());
  const std::string logged = train_with_strewn_scores(*method);
  EXPECT_LT(number(*method, "sparsified_layers_level"), 0.05) << "the head's alone";
  EXPECT_THAT(logged, AllOf(HasSubstr("more than half of the masked weights came back"), HasSubstr("and 0 % are"),
                            HasSubstr("enable_structured_masking")));
}

TEST(MovementSparsity, WarnsOfAThresholdChosenBeforeScoresHaveMoved) {
  const auto logged = [](nlohmann::json params, int steps) {
    const auto method = make(make_conv_net(), std::move(params));
    ::testing::internal::CaptureStderr();
    end_epochs(*method, 2, steps);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(logged(nlohmann::json::object(), 2), HasSubstr("chosen after 3 optimizer step(s)"));
  EXPECT_EQ(logged(nlohmann::json::object(), 10).find("optimizer step"), std::string::npos);
  EXPECT_EQ(logged({{"init_importance_threshold", -1}}, 2).find("optimizer step"), std::string::npos);
}

TEST(MovementSparsity, AMistakeInTheConfigLeavesTheModelAsItWas) {
  const auto model = make_transformer();
  const size_t nodes = model->graph().num_nodes();
  const auto structure = [](int64_t rows) {
    return nlohmann::json{
        {"sparse_structure_by_scopes",
         nlohmann::json::array({{{"mode", "block"}, {"sparse_factors", {rows, 4}}, {"target_scopes", "head"}}})}};
  };
  const auto refused = MovementSparsity::create(
      model, algorithm_config(config_of(nlohmann::json::object(), structure(3))), {{1, 3, 32, 32}});
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("[3, 4]")) << "of the last layer";
  EXPECT_EQ(model->graph().num_nodes(), nodes);
  EXPECT_NE(make_on_transformer(model, nlohmann::json::object(), structure(5)), nullptr);
}

TEST(MovementSparsity, FreezesAtTheEndNotWhereTheLevelRoundsToOne) {
  const auto method = make(make_conv_net(), {{"warmup_end_epoch", 2}, {"power", 10}});
  end_epochs(*method, 1, 100);
  for (int step = 0; step < 99; ++step) method->scheduler().step();
  EXPECT_EQ(method->threshold(), 0);
  EXPECT_EQ(method->stage(), CompressionStage::kPartiallyCompressed);
  method->scheduler().step();
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
}

TEST(MovementSparsity, AHeadWhoseProjectionIsIgnoredIsNoStructure) {
  const auto method = make_on_transformer(make_transformer(), nlohmann::json::object(),
                                          {{"ignored_scopes", nlohmann::json::array({"blocks.0.attn.proj"})}});
  EXPECT_EQ(method->structures().size(), kHeads + 2 * 96);
}

TEST(MovementSparsity, FrozenScoresLearnNoMoreAndMasksStay) {
  const auto model = make_conv_net();
  const auto method = make(model, nlohmann::json::object());
  scores_of(*method, "fc").fill_(1.0)[2].fill_(-1.0);
  end_epochs(*method, 3);
  const at::Tensor scores = method->layers()[0].scores->tensor();
  scores.mutable_grad() = at::Tensor();
  train_step(*model, 0.01);
  EXPECT_FALSE(scores.grad().defined());
  scores.detach().neg_();  // as an optimizer's momentum could
  const at::Tensor weight = method->layers()[0].sparse_weight();
  EXPECT_TRUE(weight[2].eq(0).all().item<bool>());
  EXPECT_EQ(ops::count_zeros(weight), 8);
}

// At half of the warm-up, and when all is over.
class MovementResume : public ::testing::TestWithParam<int> {};

TEST_P(MovementResume, GoesOnAsIfItHadNotStopped) {
  const auto model = make_transformer(), other = make_transformer();
  const auto method = make_on_transformer(model), resumed = make_on_transformer(other);
  kill(*method, "blocks.0");
  end_epochs(*method, GetParam());
  if (method->is_frozen()) scores_of(*method, "head").fill_(-1.0);  // must not matter any more
  ASSERT_TRUE(graph::set_state(*other, graph::get_state(*model)).ok());
  const absl::Status status = resumed->set_state(nlohmann::json::parse(method->state().dump()));
  ASSERT_TRUE(status.ok()) << status;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(resumed->stage(), method->stage());
    EXPECT_EQ(resumed->threshold(), method->threshold());
    EXPECT_EQ(resumed->statistics().to_json(), method->statistics().to_json());
    EXPECT_TRUE(at::equal(run_on(*other, images(1)), run_on(*model, images(1))));
    end_epochs(*method, 1);
    end_epochs(*resumed, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Epochs, MovementResume, ::testing::Values(0, 1, 2, 3));

TEST(MovementSparsity, ExportWritesTheZeros) {
  for (const int epochs : {2, 3}) {
    const auto model = make_transformer();
    const auto method = make_on_transformer(model);
    kill(*method, "blocks.1");
    end_epochs(*method, epochs);
    const at::Tensor before = run_on(*model, images(2)).detach();
    const double level = number(*method, "sparsified_layers_level");
    EXPECT_GT(level, 0.05);
    ASSERT_TRUE(method->prepare_for_export().ok());
    EXPECT_TRUE(at::equal(run_on(*model, images(2)), before));
    for (const graph::Node* node : model->graph().nodes()) EXPECT_FALSE(node->is_transform()) << node->name();
    EXPECT_EQ(model->graph().find_parameter("head.weight.movement_scores"), nullptr);
    EXPECT_EQ(model->graph().find_parameter("head.weight.movement_mask"), nullptr);
    EXPECT_EQ(number(*method, "sparsified_layers_level"), level);
    EXPECT_TRUE(method->prepare_for_export().ok()) << "again is fine";
    end_epochs(*method, 1);
  }
}

// Adam on images and targets that do not change; gives the level of sparsity.
double train(double factor) {
  const auto model = make_transformer();
  const auto method = make_on_transformer(
      model,
      {{"warmup_start_epoch", 0},
       {"warmup_end_epoch", 2},
       {"steps_per_epoch", 10},
       {"importance_regularization_factor", factor}},
      {{"sparse_structure_by_scopes",
        nlohmann::json::array({{{"mode", "block"}, {"sparse_factors", {12, 12}}, {"target_scopes", "{re}attn"}},
                               {{"mode", "per_dim"}, {"axis", 0}, {"target_scopes", "{re}fc1"}},
                               {{"mode", "per_dim"}, {"axis", 1}, {"target_scopes", "{re}fc2"}}})},
       {"ignored_scopes", nlohmann::json::array({"head"})}});
  if (method == nullptr) return -1;
  auto optimizer = training::Optimizer::create(*model, {.kind = training::OptimizerKind::kAdam});
  const at::Tensor inputs = images(4, 2), targets = at::randn({4, 10}, at::detail::createCPUGenerator(3));
  model->train();
  double first = 0, last = 0, frozen_level = -1;
  for (int step = 0; step < 40; ++step) {
    (*optimizer)->zero_grad();
    const at::Tensor task = run_on(*model, inputs).sub(targets).square().mean(), extra = method->loss().forward();
    (extra.defined() ? task + extra : task).backward();
    EXPECT_TRUE((*optimizer)->step(3e-3).ok());
    method->scheduler().step();
    if (step % 10 == 9) method->scheduler().epoch_step();
    (step == 0 ? first : last) = task.item<double>();
    if (step == 20) frozen_level = number(*method, "sparsified_layers_level");
  }
  EXPECT_LT(last, first);
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
  EXPECT_EQ(number(*method, "sparsified_layers_level"), frozen_level) << "weights train on, zeros stay";
  EXPECT_EQ(frozen_level > 0, number(*method, "dead_structures") > 0);
  return frozen_level;
}

TEST(MovementSparsity, TrainingMakesItSparseTheMoreTheGreaterTheFactor) {
  const double little = train(0.001), much = train(0.3);
  EXPECT_GT(much, 0.2);
  EXPECT_LT(much, 1.0);
  EXPECT_LT(little, much);
}

TEST(MovementSparsity, NamesWhatItRefuses) {
  const auto message = [](nlohmann::json more) {
    const auto method = MovementSparsity::create(
        make_conv_net(), algorithm_config(config_of(nlohmann::json::object(), std::move(more))), {{1, 3, 8, 8}});
    return std::string(method.status().message());
  };
  EXPECT_THAT(message({{"target_scopes", nlohmann::json::array({"conv1"})}}), HasSubstr("no layer to work on"));
  EXPECT_THAT(message({{"sparse_structure_by_scopes", {{"target_scopes", "conv1"}}}}), HasSubstr("names none"));
  EXPECT_THAT(message({{"sparse_structure_by_scopes",
                        {{"mode", "block"}, {"sparse_factors", {3, 8}}, {"target_scopes", "fc"}}}}),
              AllOf(HasSubstr("[3, 8]"), HasSubstr("[4, 8]"), HasSubstr("fc")));
  const auto method = make(make_conv_net(), nlohmann::json::object());
  EXPECT_THAT(std::string(method->set_state({{"scheduler", nullptr}}).message()), HasSubstr("init_threshold"));
  EXPECT_EQ(method->set_state(nullptr).code(), absl::StatusCode::kInvalidArgument);
}

TEST(MovementSparsity, IsRefusedWhereAnotherMethodHasZeros) {
  const nlohmann::json magnitude = {{"algorithm", "magnitude_sparsity"}};
  for (const nlohmann::json& methods : {nlohmann::json{magnitude, config_of(nlohmann::json::object())},
                                        nlohmann::json{config_of(nlohmann::json::object()), magnitude}}) {
    const auto config = CompressionConfig::parse({{"compression", methods}});
    ASSERT_TRUE(config.ok()) << config.status();
    const auto compression = create_compressed_model(make_conv_net(), *config, {.input_size = {{1, 3, 8, 8}}});
    EXPECT_EQ(compression.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(compression.status().message()),
                AllOf(HasSubstr("fc.weight"), HasSubstr("magnitude_sparsity"), HasSubstr("movement_sparsity")));
  }
}

}  // namespace
}  // namespace pare::sparsity
