// What quantization learns from data in several processes is what one process learns from all of it.

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

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
                                            const std::vector<std::string>& ignored_scopes = {}) {
  AlgorithmConfig config;
  config.name = "quantization";
  config.path = "$.compression";
  config.object = json;
  config.ignored_scopes = ignored_scopes;
  config.target_device = "TRIAL";  // which lets activations have a range a channel
  auto made = QuantizationAlgorithm::create(make_calibration_net(), config, {{1, 2, 4, 4}});
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
TensorLoader samples() {
  const at::Tensor data = scattered({20, 2, 4, 4}, 7);
  for (int64_t i = 0; i < 20; ++i) data[i].mul_(1.0 + 0.3 * static_cast<double>(i)).add_(0.01 * static_cast<double>(i));
  return TensorLoader(data, 6);
}

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

TEST(BatchNormAdaptationInProcesses, CombinesWhatAllHaveSeen) {
  // The statistics of the one batch norm are of its inputs, which no batch changes. Ranges that clip make it
  // worthwhile.
  nlohmann::json config = config_of("percentile", false);
  config["initializer"]["range"]["params"] = {{"min_percentile", 30}, {"max_percentile", 70}};
  config["initializer"]["batchnorm_adaptation"]["num_bn_adaptation_samples"] = 20;
  const auto statistics_of = [](QuantizationAlgorithm& algorithm) {
    return at::cat({algorithm.model()->graph().find_parameter("bn1.running_mean")->tensor(),
                    algorithm.model()->graph().find_parameter("bn1.running_var")->tensor()});
  };
  const auto alone = make(config);
  const at::Tensor before = statistics_of(*alone).clone();
  TensorLoader all = samples();
  ASSERT_TRUE(alone->initialize(all).ok());
  ASSERT_FALSE(at::equal(before, statistics_of(*alone))) << "it was not kept: this test shows nothing";
  run_in_threads_shared(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    const auto algorithm = make(config);
    TensorLoader loader = samples();
    data::ShardedLoader mine(loader, {group->rank(), 2});
    ASSERT_TRUE(algorithm->distributed(group).ok());
    ASSERT_TRUE(algorithm->initialize(mine).ok());
    EXPECT_TRUE(at::allclose(statistics_of(*algorithm), statistics_of(*alone), 1e-5, 1e-7))
        << statistics_of(*algorithm) << statistics_of(*alone);
  });
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
