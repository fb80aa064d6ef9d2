#include "compression/quantization/quantization_statistics.h"

#include "compression/analysis/calibration_net.h"
#include "compression/quantization/placement.h"
#include "compression/quantization/range_initializer.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

int64_t integer(const Statistics& statistics, const char* path) {
  const StatisticsValue* value = statistics.find(path);
  if (value == nullptr) {
    ADD_FAILURE() << "no " << path;
    return -1;
  }
  return std::get<int64_t>(*value);
}

TEST(QuantizationStatistics, CountsAndMemory) {
  const auto model = make_calibration_net();
  PlacementOptions options;
  options.weights.bits = 4;
  options.weights.per_channel = true;
  const QuantizerSetup setup = *place_quantizers(model->graph(), options);
  const auto quantizers = *insert_quantizers(model->graph(), setup, {});
  ASSERT_TRUE(initialize_weight_ranges(quantizers, {}).ok());
  quantizers.back().quantizer->set_enabled(false);
  const Statistics statistics = quantization_statistics(model->graph(), quantizers);
  EXPECT_EQ(integer(statistics, "weight_quantizers.total"), 2);
  EXPECT_EQ(integer(statistics, "weight_quantizers.symmetric"), 2);
  EXPECT_EQ(integer(statistics, "weight_quantizers.asymmetric"), 0);
  EXPECT_EQ(integer(statistics, "weight_quantizers.signed"), 2);
  EXPECT_EQ(integer(statistics, "weight_quantizers.per_channel"), 2);
  EXPECT_EQ(integer(statistics, "weight_quantizers.bits_4"), 2);
  EXPECT_EQ(integer(statistics, "activation_quantizers.total"), 2);
  EXPECT_EQ(integer(statistics, "activation_quantizers.enabled"), 1);
  EXPECT_EQ(integer(statistics, "activation_quantizers.bits_8"), 2);
  EXPECT_DOUBLE_EQ(std::get<double>(*statistics.find("enabled_share")), 0.75);
  // 72 + 12 weights; 3 + 4 + 4 others. Quantized: half a byte a weight and 4 + 3 scales.
  EXPECT_EQ(integer(statistics, "memory.original_bytes"), (72 + 12 + 11) * 4);
  EXPECT_EQ(integer(statistics, "memory.quantized_bytes"), (72 + 12) / 2 + 11 * 4 + 7 * 4);
  ASSERT_NE(statistics.find_table("quantizers"), nullptr);
  EXPECT_EQ(statistics.find_table("quantizers")->rows().size(), 4);
}

TEST(QuantizationStatistics, MemoryCountsEachElementsSize) {
  const auto model = make_calibration_net();
  const QuantizerSetup setup = *place_quantizers(model->graph(), {});
  const auto quantizers = *insert_quantizers(model->graph(), setup, {});
  graph::Value* bias = model->graph().find_parameter("conv2.bias");
  bias->set_tensor(bias->tensor().detach().to(c10::kDouble));  // 3 elements
  const Statistics statistics = quantization_statistics(model->graph(), quantizers);
  EXPECT_EQ(integer(statistics, "memory.original_bytes"), (72 + 12 + 8) * 4 + 3 * 8);
  EXPECT_EQ(integer(statistics, "memory.quantized_bytes"), 72 + 12 + 8 * 4 + 3 * 8 + 7 * 4);
}

}  // namespace
}  // namespace pare::quantization
