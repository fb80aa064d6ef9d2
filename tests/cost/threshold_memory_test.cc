// The global threshold over 25 million weights takes no memory beyond its histograms: neither a copy of the weights nor
// of their importances, whichever allocator would give it.

#include <ATen/core/Tensor.h>
#include <ATen/ops/rand.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "ops/order_statistics.h"
#include "tests/cost/memory_meter.h"

namespace pare {
namespace {

// By operator new, on all threads; what is given back is not taken off, which is the stricter count.
std::atomic<int64_t> bytes_given = 0;

void* give_or_null(size_t size) {
  bytes_given += static_cast<int64_t>(size);
  return std::malloc(size == 0 ? 1 : size);
}

void* give(size_t size) {
  void* const memory = give_or_null(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

TEST(ThresholdMemory, IsThatOfHistograms) {
  constexpr int64_t kLayers = 60, kWeights = 25'000'000 / kLayers;
  std::vector<at::Tensor> weights;
  for (int64_t i = 0; i < kLayers; ++i) weights.push_back(at::rand({kWeights}));
  ops::magnitude_threshold({weights[0]}, 0.5, ops::Importance::kNormedAbs);  // What stays is there now.

  for (const ops::Importance importance : {ops::Importance::kAbs, ops::Importance::kNormedAbs}) {
    bytes_given = 0;
    const auto meter = std::make_shared<MemoryMeter>();
    float threshold = 0;
    {
      const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
      threshold = ops::magnitude_threshold(weights, 0.5, importance).threshold;
    }
    const int64_t given = bytes_given + meter->given_bytes();
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
  bytes_given = 0;
  const std::vector<float> another(1'000'000);
  EXPECT_GE(bytes_given.load(), 4'000'000);
}

}  // namespace
}  // namespace pare

void* operator new(size_t size) { return pare::give(size); }
void* operator new[](size_t size) { return pare::give(size); }
// The default ones call those above, but not the address sanitizer's.
void* operator new(size_t size, const std::nothrow_t&) noexcept { return pare::give_or_null(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return pare::give_or_null(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
