#include "compression/algorithm.h"

#include <ATen/ops/ones.h>

#include "compression/tiny_model.h"
#include "gmock/gmock.h"
#include "graph/exporters.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

AlgorithmConfig config_of(const std::string& name) {
  AlgorithmConfig config;
  config.name = name;
  return config;
}

TEST(CompressionAlgorithm, AMethodThatBringsNothingChangesNothing) {
  const std::shared_ptr<graph::Model> model = make_tiny_model();
  CompressionAlgorithm algorithm(model, config_of("nothing"), {{1, 4}});
  EXPECT_EQ(algorithm.model(), model);
  EXPECT_EQ(algorithm.config().name, "nothing");
  EXPECT_EQ(algorithm.input_size(), InputSize({{1, 4}}));
  EXPECT_FALSE(algorithm.loss().forward().defined());
  algorithm.scheduler().step();
  algorithm.scheduler().epoch_step(7);
  EXPECT_EQ(algorithm.scheduler().current_epoch(), 7);
  EXPECT_EQ(algorithm.stage(), CompressionStage::kFullyCompressed);
  EXPECT_TRUE(algorithm.statistics().empty());
  EXPECT_TRUE(algorithm.distributed(nullptr).ok());
  EXPECT_TRUE(algorithm.prepare_for_export().ok());
}

TEST(CompressionAlgorithm, AMethodHasNoRateUnlessItSaysSo) {
  CompressionAlgorithm algorithm(make_tiny_model(), config_of("nothing"), {{1, 4}});
  for (const absl::Status& status : {algorithm.compression_rate().status(), algorithm.set_compression_rate(0.5)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("the method \"nothing\" has no compression rate"));
  }
}

TEST(CompressionAlgorithm, StagesHaveTheNamesOfTheSpecification) {
  EXPECT_EQ(to_string(CompressionStage::kUncompressed), "UNCOMPRESSED");
  EXPECT_EQ(to_string(CompressionStage::kPartiallyCompressed), "PARTIALLY_COMPRESSED");
  EXPECT_EQ(to_string(CompressionStage::kFullyCompressed), "FULLY_COMPRESSED");
}

TEST(CompressionAlgorithm, TheStateIsTheSchedulers) {
  CompressionAlgorithm algorithm(make_tiny_model(), config_of("nothing"), {});
  algorithm.scheduler().epoch_step(7);
  CompressionAlgorithm resumed(make_tiny_model(), config_of("nothing"), {});
  ASSERT_TRUE(resumed.set_state(algorithm.state()).ok());
  EXPECT_EQ(resumed.scheduler().current_epoch(), 7);
  const absl::Status damaged = resumed.set_state(nlohmann::json::array());
  EXPECT_EQ(damaged.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(damaged.message()), HasSubstr("\"nothing\""));
}

TEST(CompressionAlgorithm, StatisticsOfItsParts) {
  class Loss : public CompressionLoss {
    Statistics statistics() const override {
      Statistics statistics;
      statistics.set("value", 0.5);
      return statistics;
    }
  };
  class WithLoss : public CompressionAlgorithm {
   public:
    using CompressionAlgorithm::CompressionAlgorithm;
    CompressionLoss& loss() override { return loss_; }
    Loss loss_;
  };
  WithLoss algorithm(make_tiny_model(), config_of("x"), {});
  EXPECT_EQ(algorithm.statistics().to_json().dump(), R"({"loss":{"value":0.5}})");
}

// Says in which order export calls what.
class Recorder : public CompressionAlgorithm {
 public:
  using CompressionAlgorithm::CompressionAlgorithm;
  absl::Status prepare_for_export() override {
    EXPECT_FALSE(model()->is_training());
    log += "prepare ";
    return result;
  }
  std::string log;
  absl::Status result;
};

TEST(CompressionAlgorithm, ExportPreparesThenWrites) {
  Recorder algorithm(make_tiny_model(), config_of("x"), {{1, 4}});
  algorithm.model()->train();
  graph::register_exporter(".recorded", [&](graph::Model& model, const InputSize& input_size, const std::string& path) {
    EXPECT_EQ(&model, algorithm.model().get());
    EXPECT_EQ(input_size, InputSize({{1, 4}}));
    algorithm.log += "write " + path;
    return absl::OkStatus();
  });
  EXPECT_EQ(algorithm.export_model("a.unknown").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(algorithm.log, "") << "an ending that no one knows leaves the graph alone";
  EXPECT_TRUE(algorithm.export_model("a.recorded").ok());
  EXPECT_EQ(algorithm.log, "prepare write a.recorded");
  algorithm.log.clear();
  algorithm.result = absl::InternalError("cannot fold");
  EXPECT_EQ(algorithm.export_model("a.recorded"), algorithm.result);
  EXPECT_EQ(algorithm.log, "prepare ");
}

TEST(CompressionAlgorithm, ScalesTheGradientsOfItsOwnParametersOnce) {
  const std::shared_ptr<graph::Model> model = make_tiny_model();
  AlgorithmConfig config = config_of("x");
  config.compression_lr_multiplier = 4;
  CompressionAlgorithm algorithm(model, config, {});
  graph::Value* own = model->graph().find_parameter("fc2.bias");
  algorithm.set_own_parameters({own});
  algorithm.scale_gradients();
  algorithm.scale_gradients();
  model->forward_tensor({at::ones({1, 4})})->sum().backward();
  EXPECT_EQ(own->tensor().grad()[0].item<double>(), 4);  // d(sum)/d(bias) is 1
  const at::Tensor other = model->graph().find_parameter("fc2.weight")->tensor().grad();
  EXPECT_NEAR(other[0][1].item<double>(), 1.5, 1e-6) << "the input of fc2, unscaled";
}

TEST(CompressionAlgorithm, ScalesTheGradientsOfEachNewTensor) {
  AlgorithmConfig config = config_of("x");
  config.compression_lr_multiplier = 4;
  const std::shared_ptr<graph::Model> model = make_tiny_model();
  CompressionAlgorithm algorithm(model, config, {});
  graph::Value* own = model->graph().find_parameter("fc2.bias");
  algorithm.set_own_parameters({own});
  for (int i = 0; i < 20; ++i) {
    // Where memory can be used again, the new tensor stands at the old one's address.
    const void* address = own->tensor().unsafeGetTensorImpl();
    own->set_tensor(at::Tensor());
    std::vector<at::Tensor> tensors;
    do {
      tensors.push_back(at::ones({2}));
    } while (tensors.back().unsafeGetTensorImpl() != address && tensors.size() < 64);
    own->set_tensor(tensors.back().set_requires_grad(true));
    algorithm.scale_gradients();
    model->forward_tensor({at::ones({1, 4})})->sum().backward();
    ASSERT_EQ(own->tensor().grad()[0].item<double>(), 4) << "tensor " << i;
  }
}

TEST(CompressionAlgorithm, NeedsNoData) {
  CompressionAlgorithm algorithm(make_tiny_model(), config_of("x"), {});
  algorithm.set_data_loader(nullptr);
  EXPECT_EQ(algorithm.stage(), CompressionStage::kFullyCompressed);
}

}  // namespace
}  // namespace pare
