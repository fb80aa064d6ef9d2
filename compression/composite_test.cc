#include "compression/composite.h"

#include <ATen/ops/scalar_tensor.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "compression/tiny_model.h"
#include "data/data_loader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ConstantLoss : public CompressionLoss {
 public:
  explicit ConstantLoss(double value) : value_(value) {}
  at::Tensor forward() override { return value_ == 0 ? at::Tensor() : at::scalar_tensor(value_); }

 private:
  double value_;
};

class NoData : public data::DataLoader {
 public:
  absl::Status start_epoch(int64_t) override { return absl::OkStatus(); }
  absl::StatusOr<std::optional<data::Batch>> next() override { return std::nullopt; }
  int64_t num_batches() const override { return 0; }
  int64_t num_samples() const override { return 0; }
  int64_t batch_size() const override { return 1; }
};

std::vector<std::string> calls;

class Factors : public CompressionScheduler {
 public:
  double learning_rate_factor() const override { return 0.5; }
  double weight_decay_factor() const override { return 0.25; }
};

class Part : public CompressionAlgorithm {
 public:
  Part(std::shared_ptr<graph::Model> model, AlgorithmConfig config, double loss, CompressionStage stage)
      : CompressionAlgorithm(std::move(model), config, {{1, 4}}), loss_(loss), stage_(stage) {}
  CompressionLoss& loss() override { return loss_; }
  CompressionStage stage() const override { return stage_; }
  Statistics statistics() const override {
    Statistics statistics;
    statistics.set("epoch", const_cast<Part*>(this)->scheduler().current_epoch());
    return statistics;
  }
  absl::Status distributed(const std::shared_ptr<ProcessGroup>&) override { return record("distributed"); }
  absl::Status initialize(data::DataLoader&) override { return record("initialize"); }
  absl::Status prepare_for_state(const nlohmann::json&) override { return record("prepares for a state"); }
  StateTensors state_tensors() const override { return tensors; }
  absl::Status set_state_tensors(const StateTensors& given) override {
    tensors = given;
    return absl::OkStatus();
  }
  StateTensors tensors;
  void set_data_loader(data::DataLoader* data_loader) override {
    record(data_loader == nullptr ? "forgets data" : "gets data").IgnoreError();
  }
  ExportPhase export_phase() const override {
    return config().name == "masks" ? ExportPhase::kWeights : ExportPhase::kOperators;
  }
  absl::Status prepare_for_export() override { return record("prepare"); }
  absl::StatusOr<double> compression_rate() const override {
    return has_rate() ? rate_ : CompressionAlgorithm::compression_rate();
  }
  absl::Status set_compression_rate(double rate) override {
    rate_ = rate;
    return absl::OkStatus();
  }
  CompressionScheduler& scheduler() override {
    return config().name == "factors" ? factors_ : CompressionAlgorithm::scheduler();
  }

 private:
  bool has_rate() const { return config().name.rfind("rated", 0) == 0; }
  absl::Status record(const std::string& what) {
    calls.push_back(config().name + " " + what);
    return config().name == "fails" ? absl::InternalError("failed") : absl::OkStatus();
  }
  ConstantLoss loss_;
  CompressionStage stage_;
  Factors factors_;
  double rate_ = 0.25;
};

struct PartOf {
  std::string name;
  double loss = 0;
  CompressionStage stage = CompressionStage::kFullyCompressed;
};

CompositeAlgorithm make(const std::vector<PartOf>& parts) {
  const std::shared_ptr<graph::Model> model = make_tiny_model();
  std::vector<std::unique_ptr<CompressionAlgorithm>> children;
  for (const PartOf& part : parts) {
    AlgorithmConfig config;
    config.name = part.name;
    config.path = absl::StrCat("$.compression[", children.size(), "]");
    children.push_back(std::make_unique<Part>(model, config, part.loss, part.stage));
  }
  calls.clear();
  return CompositeAlgorithm(std::move(children));
}

TEST(CompositeAlgorithm, SumsTheLossesThatThereAre) {
  EXPECT_EQ(make({{"a", 1.5}, {"b", 0}, {"c", 2}}).loss().forward().item<double>(), 3.5);
  EXPECT_FALSE(make({{"a", 0}, {"b", 0}}).loss().forward().defined());
  EXPECT_EQ(make({{"a", 0}, {"b", 2}}).loss().forward().item<double>(), 2);
}

TEST(CompositeAlgorithm, CallsEverySchedulerWithTheSameNumber) {
  CompositeAlgorithm composite = make({{"a"}, {"b"}});
  composite.scheduler().step(10);
  composite.scheduler().epoch_step(3);
  composite.scheduler().step();
  EXPECT_EQ(composite.scheduler().current_step(), 11);
  for (const auto& child : composite.children()) {
    EXPECT_EQ(child->scheduler().current_step(), 11);
    EXPECT_EQ(child->scheduler().current_epoch(), 3);
  }
}

TEST(CompositeAlgorithm, MultipliesTheFactors) {
  CompositeAlgorithm composite = make({{"factors"}, {"a"}, {"factors"}});
  EXPECT_EQ(composite.scheduler().learning_rate_factor(), 0.25);
  EXPECT_EQ(composite.scheduler().weight_decay_factor(), 0.0625);
}

TEST(CompositeAlgorithm, HandsTheDataLoaderToAll) {
  CompositeAlgorithm composite = make({{"a"}, {"b"}});
  NoData no_data;
  composite.set_data_loader(&no_data);
  composite.set_data_loader(nullptr);
  EXPECT_THAT(calls, ElementsAre("a gets data", "b gets data", "a forgets data", "b forgets data"));
}

TEST(CompositeAlgorithm, WhatIsFixedInWeightsIsPreparedForExportFirst) {
  CompositeAlgorithm composite = make({{"a"}, {"masks"}, {"b"}});
  EXPECT_TRUE(composite.prepare_for_export().ok());
  EXPECT_THAT(calls, ElementsAre("masks prepare", "a prepare", "b prepare"));
}

TEST(CompositeAlgorithm, StatisticsStandUnderTheMethodsNames) {
  CompositeAlgorithm composite = make({{"a"}, {"b"}, {"a"}});
  composite.scheduler().epoch_step();
  EXPECT_EQ(composite.statistics().to_json().dump(), R"({"a":{"epoch":0},"b":{"epoch":0},"a_1":{"epoch":0}})");
}

TEST(CompositeAlgorithm, TheStageIsTheCommonOne) {
  constexpr auto kNone = CompressionStage::kUncompressed, kFull = CompressionStage::kFullyCompressed;
  EXPECT_EQ(make({{"a", 0, kNone}, {"b", 0, kNone}}).stage(), kNone);
  EXPECT_EQ(make({{"a", 0, kFull}, {"b", 0, kFull}}).stage(), kFull);
  EXPECT_EQ(make({{"a", 0, kNone}, {"b", 0, kFull}}).stage(), CompressionStage::kPartiallyCompressed);
}

TEST(CompositeAlgorithm, GoesThroughItsChildrenInOrderUpToTheFirstError) {
  CompositeAlgorithm composite = make({{"a"}, {"b"}});
  NoData no_data;
  EXPECT_TRUE(composite.initialize(no_data).ok());
  EXPECT_TRUE(composite.distributed(nullptr).ok());
  EXPECT_TRUE(composite.prepare_for_export().ok());
  EXPECT_THAT(calls,
              ElementsAre("a initialize", "b initialize", "a distributed", "b distributed", "a prepare", "b prepare"));
  CompositeAlgorithm failing = make({{"fails"}, {"b"}});
  EXPECT_EQ(failing.initialize(no_data), absl::InternalError("failed"));
  EXPECT_THAT(calls, ElementsAre("fails initialize"));
}

TEST(CompositeAlgorithm, TheStateGoesThroughACheckpoint) {
  CompositeAlgorithm composite = make({{"a"}, {"a"}});
  composite.scheduler().epoch_step(4);
  composite.children()[1]->scheduler().epoch_step(9);
  CompositeAlgorithm resumed = make({{"a"}, {"a"}});
  ASSERT_TRUE(resumed.set_state(composite.state()).ok());
  EXPECT_EQ(resumed.scheduler().current_epoch(), 4);
  EXPECT_EQ(resumed.children()[0]->scheduler().current_epoch(), 4);
  EXPECT_EQ(resumed.children()[1]->scheduler().current_epoch(), 9);

  const absl::Status other = make({{"a"}, {"b"}}).set_state(composite.state());
  EXPECT_EQ(other.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(other.message()), HasSubstr("\"b\""));
  EXPECT_FALSE(make({{"a"}}).set_state(composite.state()).ok());
  EXPECT_FALSE(resumed.set_state(nlohmann::json(3)).ok());
}

TEST(CompositeAlgorithm, EachMethodGetsItsTensorsAndItsStructure) {
  CompositeAlgorithm composite = make({{"a"}, {"b"}, {"a"}});
  const auto part = [](CompositeAlgorithm& of, size_t i) -> Part& { return static_cast<Part&>(*of.children()[i]); };
  part(composite, 0).tensors["x"] = at::scalar_tensor(1);
  part(composite, 2).tensors["x/y"] = at::scalar_tensor(2);
  const auto tensors = composite.state_tensors();
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors.count("a_1/x/y"), 1u);
  CompositeAlgorithm resumed = make({{"a"}, {"b"}, {"a"}});
  ASSERT_TRUE(resumed.set_state_tensors(tensors).ok());
  EXPECT_EQ(part(resumed, 0).tensors.at("x").item<double>(), 1);
  EXPECT_TRUE(part(resumed, 1).tensors.empty());
  EXPECT_EQ(part(resumed, 2).tensors.at("x/y").item<double>(), 2);
  EXPECT_FALSE(resumed.set_state_tensors({{"c/x", at::scalar_tensor(3)}}).ok());
  EXPECT_FALSE(resumed.set_state_tensors({{"x", at::scalar_tensor(3)}}).ok());

  calls.clear();
  ASSERT_TRUE(resumed.prepare_for_state(composite.state()).ok());
  EXPECT_THAT(calls, ElementsAre("a prepares for a state", "b prepares for a state", "a prepares for a state"));
  EXPECT_FALSE(resumed.prepare_for_state(nlohmann::json(3)).ok());
}

TEST(CompositeAlgorithm, TheRateIsThatOfTheOneMethodThatHasOne) {
  CompositeAlgorithm composite = make({{"a"}, {"rated"}});
  EXPECT_EQ(composite.compression_rate().value(), 0.25);
  ASSERT_TRUE(composite.set_compression_rate(0.5).ok());
  EXPECT_EQ(composite.compression_rate().value(), 0.5);
}

TEST(CompositeAlgorithm, NoRateAndSeveralRatesAreNamed) {
  CompositeAlgorithm none = make({{"a"}, {"b"}}), several = make({{"rated_a"}, {"b"}, {"rated_c"}});
  EXPECT_EQ(none.compression_rate().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(none.set_compression_rate(0.5).message()),
              HasSubstr("found $.compression[0] (a) and $.compression[1] (b)"));
  EXPECT_EQ(several.set_compression_rate(0.5).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(several.compression_rate().status().message()),
              HasSubstr("2 have: $.compression[0] (rated_a) and $.compression[2] (rated_c)"));
}

}  // namespace
}  // namespace pare
