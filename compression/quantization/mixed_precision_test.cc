#include <ATen/ops/equal.h>
#include <ATen/ops/remainder.h>

#include "compression/analysis/calibration_net.h"
#include "compression/analysis/conv_net_testing.h"
#include "compression/quantization/quantization_algorithm.h"
#include "graph/state.h"

namespace pare::quantization {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<QuantizationAlgorithm> make(const std::shared_ptr<graph::Model>& model, nlohmann::json precision) {
  auto method = QuantizationAlgorithm::create(
      model,
      algorithm_config(
          {{"algorithm", "quantization"},
           {"initializer",
            {{"precision", std::move(precision)}, {"batchnorm_adaptation", {{"num_bn_adaptation_samples", 0}}}}}}),
      {{1, 3, 8, 8}});
  EXPECT_TRUE(method.ok()) << method.status();
  return method.ok() ? *std::move(method) : nullptr;
}

// Images with classes 0 to 3.
class Labelled : public TensorLoader {
 public:
  Labelled() : TensorLoader(scattered({16, 3, 8, 8}, 7), 8) {}
  absl::StatusOr<std::optional<data::Batch>> next() override {
    auto batch = TensorLoader::next();
    if (batch.ok() && batch->has_value()) {
      const at::Tensor sums = (*batch)->inputs[0].flatten(1).sum(1).mul(10).floor();
      (*batch)->targets = at::remainder(sums, 4).to(at::kLong);
    }
    return batch;
  }
};

std::map<std::string, int> bits_of(const QuantizationAlgorithm& method) {
  std::map<std::string, int> bits;
  for (const InsertedQuantizer& inserted : method.quantizers()) {
    bits[inserted.point.name] = inserted.quantizer->config().bits;
  }
  return bits;
}

TEST(MixedPrecision, HawqReachesTheRatioAndFollowsTheTraces) {
  const auto model = make_conv_net();
  const auto method =
      make(model, {{"type", "hawq"}, {"compression_ratio", 1.6}, {"num_data_points", 16}, {"iter_number", 30}});
  Labelled loader;
  ASSERT_TRUE(method->initialize(loader).ok());
  const Statistics statistics = method->statistics();
  EXPECT_GE(std::get<double>(*statistics.find("precision.compression_ratio")), 1.6);
  const Table* table = statistics.find_table("precision.layers");
  ASSERT_NE(table, nullptr);
  ASSERT_EQ(table->rows().size(), 3u);
  for (const auto& one : table->rows()) {
    for (const auto& other : table->rows()) {
      if (std::get<double>(one[2]) > std::get<double>(other[2])) {
        EXPECT_GE(std::get<int64_t>(one[1]), std::get<int64_t>(other[1]));
      }
    }
    EXPECT_NEAR(std::get<double>(one[4]), std::get<double>(one[2]) * std::get<double>(one[3]), 1e-12);
  }
  const auto bits = bits_of(*method);
  EXPECT_EQ(bits.at("conv2.weight"), std::get<int64_t>(table->rows()[1][1]));
  EXPECT_EQ(bits.at("act/aten::relu"), bits.at("conv2.weight")) << "what a layer takes has the layer's bits";
  EXPECT_LT(std::min({bits.at("conv1.weight"), bits.at("conv2.weight"), bits.at("fc.weight")}), 8);
  ASSERT_EQ(method->pictures().size(), 1u);
  EXPECT_THAT(method->pictures()[0].svg, HasSubstr("conv2.weight"));
}

TEST(MixedPrecision, BitsAssignedByHandReachTheirQuantizers) {
  const auto method =
      make(make_conv_net(),
           {{"type", "manual"}, {"bitwidth_per_scope", {{4, "conv2"}, {2, "conv1|WEIGHT"}, {5, "conv2|INPUT"}}}});
  const auto bits = bits_of(*method);
  EXPECT_EQ(bits.at("conv1.weight"), 2);
  EXPECT_EQ(bits.at("conv2.weight"), 4);
  EXPECT_EQ(bits.at("act/aten::relu"), 5);
  EXPECT_EQ(bits.at("x"), 8);
  EXPECT_EQ(bits.at("fc.weight"), 8);
}

TEST(MixedPrecision, AResumedTrainingHasTheBitsOfItsCheckpoint) {
  const nlohmann::json precision = {{"type", "hawq"}, {"compression_ratio", 2}, {"iter_number", 10}};
  const auto model = make_conv_net(), other = make_conv_net();
  const auto method = make(model, precision), resumed = make(other, precision);
  Labelled loader;
  ASSERT_TRUE(method->initialize(loader).ok());
  EXPECT_NE(bits_of(*method), bits_of(*resumed));
  ASSERT_TRUE(graph::set_state(*other, graph::get_state(*model)).ok());
  EXPECT_EQ(bits_of(*method), bits_of(*resumed));
  EXPECT_TRUE(at::equal(run(*other), run(*model)));
}

TEST(MixedPrecision, ExportKeepsTheBits) {
  const auto model = make_conv_net();
  const auto method = make(model, {{"type", "manual"}, {"bitwidth_per_scope", {{2, "conv2|WEIGHT"}}}});
  Labelled loader;
  ASSERT_TRUE(method->initialize(loader).ok());
  ASSERT_TRUE(method->prepare_for_export().ok());
  bool found = false;
  for (const graph::Node* node : model->graph().nodes()) {
    if (node->op() != "aten::fake_quantize_per_channel_affine" || node->scope() != "conv2") continue;
    found = true;
    EXPECT_EQ(node->argument("quant_max")->constant().toInt() - node->argument("quant_min")->constant().toInt(), 3);
  }
  EXPECT_TRUE(found);
}

TEST(MixedPrecision, RefusesWhatMakesNoSense) {
  const auto error = [](nlohmann::json precision) {
    return std::string(QuantizationAlgorithm::create(make_conv_net(),
                                                     algorithm_config({{"algorithm", "quantization"},
                                                                       {"initializer", {{"precision", precision}}}}),
                                                     {{1, 3, 8, 8}})
                           .status()
                           .message());
  };
  EXPECT_THAT(error({{"type", "autoq"}}), HasSubstr("hawq"));
  EXPECT_THAT(error({{"bits", {8, 4}}}), HasSubstr("rising"));
  EXPECT_THAT(error({{"bits", {1, 8}}}), HasSubstr("bits[0]"));
  EXPECT_THAT(error({{"type", "manual"}}), HasSubstr("bitwidth_per_scope"));
  EXPECT_THAT(error({{"type", "manual"}, {"bitwidth_per_scope", {{9, "conv1"}}}}), HasSubstr("from 2 to 8"));
  EXPECT_THAT(error({{"type", "manual"}, {"bitwidth_per_scope", {{4, "conv9"}}}}), HasSubstr("conv9"));
  EXPECT_THAT(error({{"type", "manual"}, {"bitwidth_per_scope", {{4, "pool|WEIGHT"}}}}), HasSubstr("no quantizer"));
  const auto method = make(make_conv_net(), {{"compression_ratio", 5}});
  Labelled loader;
  EXPECT_THAT(method->initialize(loader).message(), HasSubstr("cannot be reached"));
}

}  // namespace
}  // namespace pare::quantization
