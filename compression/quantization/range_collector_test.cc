#include "compression/quantization/range_collector.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

Quantizer activation(QuantizerConfig config = {}) { return Quantizer("act", config, {.channel_axis = 1}); }
Quantizer weight(QuantizerConfig config = {}) {
  return Quantizer("weight", config, {.is_weight = true, .channel_axis = 0});
}

// Two batches, three samples of one channel: {-1, 4}, {-3, 2}, {-5, 12}.
ValueRange collect(const RangeSettings& settings, const Quantizer& quantizer) {
  const auto collector = make_range_collector(settings, quantizer);
  collector->add(at::tensor({-1.0f, 4.0f, -3.0f, 2.0f}).view({2, 1, 2}));
  collector->add(at::tensor({-5.0f, 12.0f}).view({1, 1, 2}));
  const auto range = collector->range();
  EXPECT_TRUE(range.ok()) << range.status();
  return *range;
}

TEST(RangeCollector, ExtremesOfAllSamples) {
  for (const RangeType type : {RangeType::kMinMax, RangeType::kMixedMinMax}) {
    const ValueRange range = collect({.type = type}, activation());
    EXPECT_EQ(range.min, std::vector<float>{-5});
    EXPECT_EQ(range.max, std::vector<float>{12});
  }
}

TEST(RangeCollector, MeansOfTheSamplesExtremes) {
  const ValueRange range = collect({.type = RangeType::kMeanMinMax}, activation());
  EXPECT_EQ(range.min, std::vector<float>{-3});
  EXPECT_EQ(range.max, std::vector<float>{6});
}

TEST(RangeCollector, MeansOfTheSamplesPercentiles) {
  // Two numbers a sample: 25% is a quarter of the way between them.
  const ValueRange range =
      collect({.type = RangeType::kMeanPercentile, .min_percentile = 25, .max_percentile = 75}, activation());
  EXPECT_FLOAT_EQ(range.min[0], (0.25f + -1.75f + -0.75f) / 3);
  EXPECT_FLOAT_EQ(range.max[0], (2.75f + 0.75f + 7.75f) / 3);
}

TEST(RangeCollector, PercentilesOfAllSamples) {
  const auto collector = make_range_collector({.type = RangeType::kPercentile}, activation());
  const at::Tensor values = at::arange(0, 10001, c10::kFloat);
  for (int i = 0; i < 10; ++i) collector->add(values.narrow(0, i * 1000, i == 9 ? 1001 : 1000).unsqueeze(0));
  const auto range = collector->range();
  ASSERT_TRUE(range.ok());
  EXPECT_NEAR(range->min[0], 10, 10.0 / 1024 + 1e-6);
  EXPECT_NEAR(range->max[0], 9990, 9990.0 / 1024);
}

TEST(RangeCollector, ThreeSigmaByHand) {
  // 1..9, mirrored sign free: median 5, MAD 2, 3 * 1.4826 * 2 = 8.8956; the low end stops at zero.
  const at::Tensor values = at::arange(1, 10, c10::kFloat);
  const auto of_weight = weight_range({.type = RangeType::kThreeSigma}, weight(), values);
  ASSERT_TRUE(of_weight.ok());
  EXPECT_FLOAT_EQ(of_weight->min[0], 0);
  EXPECT_FLOAT_EQ(of_weight->max[0], 13.8956f);
  // -4..5 without zero: median 1, distances 5 4 3 2 0 1 2 3 4, MAD 3.
  const auto both = weight_range({.type = RangeType::kThreeSigma}, weight(), at::arange(-4, 6, c10::kFloat));
  ASSERT_TRUE(both.ok());
  EXPECT_NEAR(both->min[0], 1 - 3 * 1.4826 * 3, 1e-5);
  EXPECT_NEAR(both->max[0], 1 + 3 * 1.4826 * 3, 1e-5);
  // The sketch says the same to within its error.
  const auto collector = make_range_collector({.type = RangeType::kThreeSigma}, activation());
  collector->add(values.unsqueeze(0));
  EXPECT_NEAR(collector->range()->max[0], 13.8956f, 0.05);
}

TEST(RangeCollector, ThreeSigmaOfARelusOutputs) {
  const auto range = weight_range({.type = RangeType::kThreeSigma}, weight(),
                                  at::tensor({0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 2.0f, 3.0f}));
  ASSERT_TRUE(range.ok());
  EXPECT_NEAR(range->max[0], 2 + 3 * 1.4826, 1e-5);
}

TEST(RangeCollector, EachChannelForItself) {
  const QuantizerConfig per_channel{.per_channel = true};
  for (const RangeType type : {RangeType::kMinMax, RangeType::kMeanMinMax, RangeType::kMse}) {
    const auto collector = make_range_collector({.type = type}, activation(per_channel));
    collector->add(at::tensor({-1.0f, 1.0f, -10.0f, 10.0f}).view({1, 2, 2}));
    const auto range = collector->range();
    ASSERT_TRUE(range.ok());
    EXPECT_NEAR(range->max[0], 1, 0.01);
    EXPECT_NEAR(range->max[1], 10, 0.1);
  }
  const at::Tensor w = at::tensor({1.0f, 5.0f, 2.0f, -7.0f, 3.0f, 4.0f}).view({3, 2});
  const auto range =
      weight_range({.type = RangeType::kPercentile, .min_percentile = 0, .max_percentile = 50}, weight(per_channel), w);
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->min, (std::vector<float>{1, -7, 3}));
  EXPECT_EQ(range->max, (std::vector<float>{3, -2.5f, 3.5f}));
}

TEST(RangeCollector, InnerAxisOfAWeight) {
  // A transposed convolution's output channels are axis 1.
  const Quantizer quantizer("weight", {.per_channel = true}, {.is_weight = true, .channel_axis = 1});
  const at::Tensor w = at::arange(0, 12, c10::kFloat).view({2, 3, 2});
  const auto range =
      weight_range({.type = RangeType::kPercentile, .min_percentile = 0, .max_percentile = 100}, quantizer, w);
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range->min, (std::vector<float>{0, 2, 4}));
  EXPECT_EQ(range->max, (std::vector<float>{7, 9, 11}));
}

TEST(RangeCollector, NothingSeenAndNaN) {
  for (const RangeType type : {RangeType::kMinMax, RangeType::kMeanMinMax, RangeType::kPercentile}) {
    const auto collector = make_range_collector({.type = type}, activation());
    EXPECT_EQ(collector->range().status().code(), absl::StatusCode::kFailedPrecondition);
    collector->add(at::empty({0, 3}));
    EXPECT_EQ(collector->range().status().code(), absl::StatusCode::kFailedPrecondition);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto collector = make_range_collector({.type = RangeType::kPercentile}, activation());
  collector->add(at::tensor({1.0f, nan}).unsqueeze(0));
  EXPECT_EQ(collector->range().status().code(), absl::StatusCode::kInvalidArgument);
  for (const RangeType type : {RangeType::kMinMax, RangeType::kPercentile, RangeType::kThreeSigma}) {
    const absl::Status status = weight_range({.type = type}, weight(), at::tensor({1.0f, nan})).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("weight"), std::string::npos);
  }
}

TEST(MergeRanges, CoversBothAndKeepsNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const ValueRange merged = merge_ranges({{-1, nan}, {2, 3}}, {{-2, 0}, {1, nan}});
  EXPECT_EQ(merged.min[0], -2);
  EXPECT_EQ(merged.max[0], 2);
  EXPECT_NE(merged.min[1], merged.min[1]);
  EXPECT_NE(merged.max[1], merged.max[1]);
}

}  // namespace
}  // namespace pare::quantization
