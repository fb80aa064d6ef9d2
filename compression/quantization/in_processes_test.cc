// What quantization learns from data in several processes is what one process learns from all of it.

#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compression/analysis/calibration_net.h"
#include "compression/quantization/batch_norm_adaptation.h"
#include "compression/quantization/hessian_trace.h"
#include "compression/quantization/quantization_algorithm.h"
#include "compression/quantization/range_settings.h"
#include "data/sharded_loader.h"
#include "distributed/gather_json.h"
#include "distributed/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<QuantizationAlgorithm> make(const nlohmann::json& json,
                                            const std::vector<std::string>& ignored_scopes = {},
                                            std::shared_ptr<graph::Model> model = make_calibration_net()) {
  AlgorithmConfig config;
  config.name = "quantization";
  config.path = "$.compression";
  config.object = json;
  config.ignored_scopes = ignored_scopes;
  config.target_device = "TRIAL";  // which lets activations have a range a channel
  auto made = QuantizationAlgorithm::create(std::move(model), config, {{1, 2, 4, 4}});
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

// The parameters of the quantizers, by name.
std::map<std::string, at::Tensor> ranges_of(const QuantizationAlgorithm& algorithm) {
  std::map<std::string, at::Tensor> ranges;
  for (graph::Value* value : algorithm.own_parameters()) ranges[value->name()] = value->tensor().detach().clone();
  return ranges;
}

// Samples that differ much, so that it shows which are looked at: 20 in batches of 6, the last one of 2.
at::Tensor all_samples() {
  at::Tensor data = scattered({20, 2, 4, 4}, 7);
  for (int64_t i = 0; i < 20; ++i) {
    const auto step = static_cast<double>((7 * i) % 20);  // large ones and small ones in turn
    data[i].mul_(1.0 + 0.3 * step).add_(0.01 * step);
  }
  return data;
}

TensorLoader samples() { return TensorLoader(all_samples(), 6); }

nlohmann::json config_of(const std::string& type, bool per_channel) {
  nlohmann::json config = {{"initializer",
                            {{"range", {{"type", type}, {"num_init_samples", 17}}},
                             {"batchnorm_adaptation", {{"num_bn_adaptation_samples", 0}}}}}};
  if (per_channel) config["activations"] = {{"per_channel", true}};
  return config;
}

class RangesInProcesses : public ::testing::TestWithParam<std::string> {};

TEST_P(RangesInProcesses, AreThoseOfAllSamples) {
  for (const bool per_channel : {false, true}) {
    const auto alone = make(config_of(GetParam(), per_channel));
    TensorLoader all = samples();
    ASSERT_TRUE(alone->initialize(all).ok());
    const auto expected = ranges_of(*alone);
    ASSERT_GT(expected.size(), 3u);
    for (const int size : {2, 4}) {
      run_in_threads_shared(size, [&](const std::shared_ptr<ProcessGroup>& group) {
        const auto algorithm = make(config_of(GetParam(), per_channel));
        TensorLoader loader = samples();
        data::ShardedLoader mine(loader, {group->rank(), group->size()});
        ASSERT_TRUE(algorithm->distributed(group).ok());
        const absl::Status status = algorithm->initialize(mine);
        ASSERT_TRUE(status.ok()) << status;
        for (const auto& [name, range] : ranges_of(*algorithm)) {
          // An input's numbers are the same in every batch; a layer's may differ in a last bit with the batch's size.
          EXPECT_TRUE(at::allclose(range, expected.at(name), 1e-6, 0)) << name << range << expected.at(name);
          const auto everyones = group->all_gather(range.contiguous());
          ASSERT_TRUE(everyones.ok());
          for (const at::Tensor& each : *everyones) EXPECT_TRUE(at::equal(each, range)) << name;
        }
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RangesInProcesses,
                         ::testing::Values("min_max", "mixed_min_max", "mean_min_max", "threesigma", "percentile",
                                           "mean_percentile", "mse"),
                         [](const auto& info) { return info.param; });

TEST(RangesInProcesses, ANanOfOneIsFoundByAll) {
  run_in_threads_shared(2, [](const std::shared_ptr<ProcessGroup>& group) {
    const auto algorithm = make(config_of("percentile", false));
    const at::Tensor data = scattered({4, 2, 4, 4}, 7);
    data[3][0][0][0].fill_(std::numeric_limits<float>::quiet_NaN());  // of process 1
    TensorLoader loader(data, 4);
    data::ShardedLoader mine(loader, {group->rank(), 2});
    ASSERT_TRUE(algorithm->distributed(group).ok());
    const absl::Status status = algorithm->initialize(mine);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("a NaN or an infinity reached it"));
  });
}

TEST(RangesInProcesses, RefusesOtherQuantizers) {
  run_in_threads_shared(2, [](const std::shared_ptr<ProcessGroup>& group) {
    const auto algorithm = make(config_of("min_max", false),
                                group->rank() == 1 ? std::vector<std::string>{"conv2"} : std::vector<std::string>());
    TensorLoader loader = samples();
    data::ShardedLoader mine(loader, {group->rank(), 2});
    ASSERT_TRUE(algorithm->distributed(group).ok());
    EXPECT_THAT(std::string(algorithm->initialize(mine).message()), HasSubstr("another process has other quantizers"));
  });
}

// The second one is behind the calibration network's own, so that what reaches it depends on what that normalises with.
// Both have the statistics of the samples, as after a training.
std::shared_ptr<graph::Model> make_net_of_two_batch_norms() {
  auto model = make_calibration_net();
  graph::Graph& graph = model->graph();
  graph.set_output(add_node(graph, "bn2", "aten::batch_norm",
                            {{"input", graph.output()},
                             {"running_mean", graph.add_buffer("bn2.running_mean", at::zeros({3})).value()},
                             {"running_var", graph.add_buffer("bn2.running_var", at::ones({3})).value()},
                             {"training", graph.training()},
                             {"momentum", graph.add_constant(0.1)},
                             {"eps", graph.add_constant(1e-5)},
                             {"cudnn_enabled", graph.add_constant(false)}})
                       ->output());
  model->train();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(model->forward_tensor({all_samples()}).ok());
  model->eval();
  return model;
}

TEST(BatchNormAdaptationInProcesses, IsThatOfOneProcess) {
  // Ranges that clip make it worthwhile. Four of the samples are held out: the first whole part of one process in four,
  // which of the last batch, of two samples, has only two.
  nlohmann::json config = config_of("percentile", false);
  config["initializer"]["range"]["params"] = {{"min_percentile", 40}, {"max_percentile", 99}};
  config["initializer"]["batchnorm_adaptation"]["num_bn_adaptation_samples"] = 20;
  const auto statistics_of = [](QuantizationAlgorithm& algorithm) {
    std::vector<at::Tensor> statistics;
    for (const char* name : {"bn1.running_mean", "bn1.running_var", "bn2.running_mean", "bn2.running_var"}) {
      statistics.push_back(algorithm.model()->graph().find_parameter(name)->tensor());
    }
    return at::cat(statistics);
  };
  const auto alone = make(config, {}, make_net_of_two_batch_norms());
  const at::Tensor before = statistics_of(*alone).clone();
  TensorLoader all = samples();
  ASSERT_TRUE(alone->initialize(all).ok());
  ASSERT_FALSE(at::equal(before, statistics_of(*alone))) << "it was not kept: this test shows nothing";
  for (const int size : {2, 4}) {
    run_in_threads_shared(size, [&](const std::shared_ptr<ProcessGroup>& group) {
      const auto algorithm = make(config, {}, make_net_of_two_batch_norms());
      const std::string graph_before = algorithm->model()->graph().to_string();
      TensorLoader loader = samples();
      data::ShardedLoader mine(loader, {group->rank(), size});
      ASSERT_TRUE(algorithm->distributed(group).ok());
      ASSERT_TRUE(algorithm->initialize(mine).ok());
      EXPECT_TRUE(at::allclose(statistics_of(*algorithm), statistics_of(*alone), 1e-5, 1e-6))
          << statistics_of(*algorithm) << statistics_of(*alone);
      const auto everyones = group->all_gather(statistics_of(*algorithm));
      ASSERT_TRUE(everyones.ok());
      EXPECT_TRUE(at::equal(everyones->front(), everyones->back()));
      EXPECT_EQ(algorithm->model()->graph().to_string(), graph_before);
    });
  }
}

TEST(HessianTraceInProcesses, IsTheMeanOverAllSamplesAndTheSameEverywhere) {
  class Labelled : public TensorLoader {
   public:
    using TensorLoader::TensorLoader;
    absl::StatusOr<std::optional<data::Batch>> next() override {
      auto batch = TensorLoader::next();
      if (batch.ok() && batch->has_value()) (*batch)->targets = at::full({(*batch)->size(), 4, 4}, 1, at::kLong);
      return batch;
    }
  };
  const HessianTraceOptions options = {.num_data_points = 9, .max_iterations = 2000, .tolerance = 0};
  const auto traces = [&](ProcessGroup* group) {
    const auto model = make_calibration_net();
    for (graph::Value* value : model->graph().parameters()) value->tensor().set_requires_grad(true);
    Labelled loader(scattered({10, 2, 4, 4}, 5), 5);
    data::ShardedLoader mine(loader, group == nullptr ? data::Shard() : data::Shard{group->rank(), group->size()});
    auto found = average_hessian_traces(*model, {model->graph().find_parameter("conv2.weight")}, mine, options, group);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.value_or(std::vector<double>{0.0})[0];
  };
  const double alone = traces(nullptr);
  run_in_threads(3, [&](ProcessGroup& group) {
    const double together = traces(&group);
    // An estimate: of draws of its own in each process.
    EXPECT_NEAR(together, alone, 0.1 * alone);
    const auto everyones = gather_json(group, together);
    ASSERT_TRUE(everyones.ok());
    for (const nlohmann::json& each : *everyones) EXPECT_EQ(each.get<double>(), together);
  });
}

}  // namespace
}  // namespace pare::quantization
