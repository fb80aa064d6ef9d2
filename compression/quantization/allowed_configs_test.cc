#include "compression/quantization/allowed_configs.h"

#include "compression/analysis/test_net.h"

namespace pare::quantization {
namespace {

class AllowedConfigsTest : public ::testing::Test {
 protected:
  TestNet net_;
  graph::Value* x_ = net_.input("x");
  const graph::Node& conv_ = *net_.conv("conv1", x_, 3, 8)->producer();
  const graph::Node& linear_ = *net_.linear("fc", x_, 3, 8)->producer();
};

TEST_F(AllowedConfigsTest, WeightsAreSymmetricSignedNarrowAndPerChannelFirst) {
  const auto configs = allowed_weight_configs(conv_, {}, {});
  ASSERT_TRUE(configs.ok());
  EXPECT_EQ(configs->front(),
            (QuantizerConfig{.bits = 8, .is_signed = true, .per_channel = true, .narrow_range = true}));
  EXPECT_EQ(configs->size(), 4u);
}

TEST_F(AllowedConfigsTest, FewerBitsUseAllLevels) {
  const auto configs = allowed_weight_configs(conv_, {}, {.bits = 4});
  ASSERT_TRUE(configs.ok());
  EXPECT_EQ(configs->front(), (QuantizerConfig{.bits = 4, .is_signed = true, .per_channel = true}));
}

TEST_F(AllowedConfigsTest, UnsignedAndAsymmetricWeightsAreNotNarrow) {
  EXPECT_FALSE(allowed_weight_configs(conv_, {}, {.is_signed = false})->front().narrow_range);
  const auto asymmetric = allowed_weight_configs(conv_, {}, {.mode = QuantizationMode::kAsymmetric});
  EXPECT_FALSE(asymmetric->front().narrow_range);
  EXPECT_EQ(asymmetric->size(), 2u);
}

TEST_F(AllowedConfigsTest, ActivationsFollowThePreset) {
  EXPECT_EQ(allowed_activation_configs(conv_, {}, {})->front(), QuantizerConfig{});
  const DeviceRules mixed{.prefers_asymmetric_activations = true};
  EXPECT_EQ(allowed_activation_configs(conv_, mixed, {})->front().mode, QuantizationMode::kAsymmetric);
  EXPECT_EQ(allowed_weight_configs(conv_, mixed, {})->front().mode, QuantizationMode::kSymmetric);
  EXPECT_EQ(allowed_activation_configs(conv_, mixed, {.mode = QuantizationMode::kSymmetric})->size(), 1u);
}

TEST_F(AllowedConfigsTest, DevicesLimitBits) {
  const auto on = [&](TargetDevice device, int bits) {
    return allowed_activation_configs(conv_, {.device = device}, {.bits = bits}).ok();
  };
  EXPECT_TRUE(on(TargetDevice::kAny, 4));
  EXPECT_TRUE(on(TargetDevice::kTrial, 3));
  EXPECT_FALSE(on(TargetDevice::kCpu, 4));
  EXPECT_TRUE(on(TargetDevice::kNpu, 4));
  EXPECT_FALSE(on(TargetDevice::kNpu, 2));
  EXPECT_TRUE(allowed_weight_configs(conv_, {.device = TargetDevice::kNpu}, {.bits = 2}).ok());
  EXPECT_FALSE(on(TargetDevice::kAny, 1));
  EXPECT_FALSE(on(TargetDevice::kAny, 9));
  const auto refused = allowed_weight_configs(conv_, {.device = TargetDevice::kCpu}, {.bits = 4});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(refused.status().message().find("conv1/aten::conv2d"), std::string::npos);
}

TEST_F(AllowedConfigsTest, NpuIsSymmetricBelowEightBits) {
  const DeviceRules npu{.device = TargetDevice::kNpu, .prefers_asymmetric_activations = true};
  const auto four = allowed_activation_configs(conv_, npu, {.bits = 4});
  ASSERT_EQ(four->size(), 1u);
  EXPECT_EQ(four->front().mode, QuantizationMode::kSymmetric);
  EXPECT_FALSE(allowed_activation_configs(conv_, npu, {.mode = QuantizationMode::kAsymmetric, .bits = 4}).ok());
}

TEST_F(AllowedConfigsTest, ActivationsPerChannelAreForTrialsConvolutions) {
  const QuantizerConstraints per_channel{.per_channel = true};
  EXPECT_FALSE(allowed_activation_configs(conv_, {}, per_channel).ok());
  const DeviceRules trial{.device = TargetDevice::kTrial};
  EXPECT_TRUE(allowed_activation_configs(conv_, trial, per_channel)->front().per_channel);
  EXPECT_FALSE(allowed_activation_configs(linear_, trial, per_channel)->front().per_channel);
  EXPECT_FALSE(allowed_output_configs(trial, per_channel)->front().per_channel);
}

TEST_F(AllowedConfigsTest, IntersectKeepsTheOrderOfTheFirst) {
  const auto both = intersect(*allowed_activation_configs(conv_, {.prefers_asymmetric_activations = true}, {}),
                              *allowed_activation_configs(conv_, {}, {}));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].mode, QuantizationMode::kAsymmetric);
  EXPECT_TRUE(intersect(both, *allowed_activation_configs(conv_, {}, {.bits = 4})).empty());
}

TEST_F(AllowedConfigsTest, OverriddenChangesWhatIsGiven) {
  const QuantizerConstraints result =
      overridden({.bits = 8, .per_channel = true}, {.bits = 4, .logarithm_scale = true});
  EXPECT_EQ(result.bits, 4);
  EXPECT_EQ(result.per_channel, true);
  EXPECT_EQ(result.logarithm_scale, true);
  EXPECT_FALSE(result.mode.has_value());
}

}  // namespace
}  // namespace pare::quantization
