// The global threshold over 25 million weights takes no memory beyond its histograms: neither a copy of the weights nor
// of their importances, whichever allocator would give it.

#include <ATen/core/Tensor.h>
#include <ATen/ops/rand.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/operator_new_testing.h"
#include "ops/order_statistics.h"
#include "tests/cost/memory_meter.h"

namespace pare {
namespace {

TEST(ThresholdMemory, IsThatOfHistograms) {
  constexpr int64_t kLayers = 60, kWeights = 25'000'000 / kLayers;
  std::vector<at::Tensor> weights;
  for (int64_t i = 0; i < kLayers; ++i) weights.push_back(at::rand({kWeights}));
  ops::magnitude_threshold({weights[0]}, 0.5, ops::Importance::kNormedAbs);  // What stays is there now.

  for (const ops::Importance importance : {ops::Importance::kAbs, ops::Importance::kNormedAbs}) {
    const int64_t before = bytes_given();
    const auto meter = std::make_shared<MemoryMeter>();
    float threshold = 0;
    {
      const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
      threshold = ops::magnitude_threshold(weights, 0.5, importance).threshold;
    }
    const int64_t given = bytes_given() - before + meter->given_bytes();
    EXPECT_GT(threshold, 0.0f);
    EXPECT_GT(given, 0) << "the meter hears nothing";
    EXPECT_LT(given, kLayers * kWeights * 4 / 10) << "of 100 MB of weights";
  }
}

TEST(ThresholdMemory, TheMetersSeeACopy) {
  const at::Tensor x = at::rand({1'000'000});
  const auto meter = std::make_shared<MemoryMeter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
  const at::Tensor copy = x.clone();
  EXPECT_GE(meter->given_bytes(), 4'000'000);
  const int64_t before = bytes_given();
  const std::vector<float> another(1'000'000);
  EXPECT_GE(bytes_given() - before, 4'000'000);
}

}  // namespace
}  // namespace pare
