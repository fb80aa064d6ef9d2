// tests/cost/memory_meter.h: hears of every allocation of LibTorch on a thread, whichever allocator serves it.
//
//   const auto meter = std::make_shared<MemoryMeter>();
//   {
//     const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
//     model.forward(...);
//   }
//   meter->peak_bytes();

#ifndef PARE_TESTS_COST_MEMORY_METER_H_
#define PARE_TESTS_COST_MEMORY_METER_H_

#include <c10/core/Allocator.h>
#include <c10/core/Device.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pare {

class MemoryMeter : public c10::MemoryReportingInfoBase {
 public:
  // LibTorch 1.13 and 2.x differ in the type of the totals: each has one of these two as its virtual function.
  void reportMemoryUsage(void*, int64_t size, int64_t, int64_t, c10::Device) { add(size); }
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) { add(size); }
  bool memoryProfilingEnabled() const override { return true; }

  // The most that was alive at once, above what was there before.
  int64_t peak_bytes() const { return peak_; }
  // All that was given, whether or not it was given back.
  int64_t given_bytes() const { return given_; }

 private:
  void add(int64_t size) {
    if (size > 0) given_ += size;
    peak_ = std::max(peak_, live_ += size);
  }
  int64_t live_ = 0, peak_ = 0, given_ = 0;
};

}  // namespace pare

#endif  // PARE_TESTS_COST_MEMORY_METER_H_
