// The global threshold over 25 million weights takes no memory beyond its histograms: neither a copy of the weights nor
// of their importances, whichever allocator would give it.

#include <ATen/core/Tensor.h>
#include <ATen/ops/rand.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "ops/order_statistics.h"

namespace pare {
namespace {

// Of everything that is given, all threads together; what is given back is not taken off, which is the stricter count.
std::atomic<int64_t> bytes_given = 0;

void* give(size_t size) {
  bytes_given += static_cast<int64_t>(size);
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

// Hears of every tensor's allocation on this thread.
class TensorMeter : public c10::MemoryReportingInfoBase {
 public:
  // LibTorch 1.13 and 2.x differ in the type of the totals: each has one of these two as its virtual function.
  void reportMemoryUsage(void*, int64_t size, int64_t, int64_t, c10::Device) { add(size); }
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) { add(size); }
  bool memoryProfilingEnabled() const override { return true; }

 private:
  static void add(int64_t size) { bytes_given += size > 0 ? size : 0; }
};

TEST(ThresholdMemory, IsThatOfHistograms) {
  constexpr int64_t kLayers = 60, kWeights = 25'000'000 / kLayers;
  std::vector<at::Tensor> weights;
  for (int64_t i = 0; i < kLayers; ++i) weights.push_back(at::rand({kWeights}));
  ops::magnitude_threshold({weights[0]}, 0.5, ops::Importance::kNormedAbs);  // What stays is there now.

  for (const ops::Importance importance : {ops::Importance::kAbs, ops::Importance::kNormedAbs}) {
    bytes_given = 0;
    float threshold = 0;
    {
      const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, std::make_shared<TensorMeter>());
      threshold = ops::magnitude_threshold(weights, 0.5, importance).threshold;
    }
    const int64_t given = bytes_given;
    EXPECT_GT(threshold, 0.0f);
    EXPECT_GT(given, 0) << "the meter hears nothing";
    EXPECT_LT(given, kLayers * kWeights * 4 / 10) << "of 100 MB of weights";
  }
}

TEST(ThresholdMemory, TheMeterSeesACopy) {
  const at::Tensor x = at::rand({1'000'000});
  bytes_given = 0;
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, std::make_shared<TensorMeter>());
  const at::Tensor copy = x.clone();
  const std::vector<float> another(1'000'000);
  EXPECT_GE(bytes_given.load(), 8'000'000);
}

}  // namespace
}  // namespace pare

void* operator new(size_t size) { return pare::give(size); }
void* operator new[](size_t size) { return pare::give(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
