#include "tools/bench/memory_passes.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/bench/memory_passes.cc"
#include "hwy/foreach_target.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pare::tools::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

float sum(const float* x, int64_t count) {
  const hn::CappedTag<float, 16> d;
  constexpr int64_t kWidth = hn::MaxLanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  int64_t i = 0;
  for (; i + 8 * kWidth <= count; i += 8 * kWidth) {
    s0 = hn::Add(s0, hn::LoadU(d, x + i));
    s1 = hn::Add(s1, hn::LoadU(d, x + i + kWidth));
    s2 = hn::Add(s2, hn::LoadU(d, x + i + 2 * kWidth));
    s3 = hn::Add(s3, hn::LoadU(d, x + i + 3 * kWidth));
    s4 = hn::Add(s4, hn::LoadU(d, x + i + 4 * kWidth));
    s5 = hn::Add(s5, hn::LoadU(d, x + i + 5 * kWidth));
    s6 = hn::Add(s6, hn::LoadU(d, x + i + 6 * kWidth));
    s7 = hn::Add(s7, hn::LoadU(d, x + i + 7 * kWidth));
  }
  const auto all = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  float result = hn::GetLane(hn::SumOfLanes(d, all));
  for (; i < count; ++i) result += x[i];
  return result;
}

void stream(const float* x, int64_t count, float* y) {
  const hn::CappedTag<float, 16> d;
  constexpr int64_t kWidth = hn::MaxLanes(d);
  int64_t i = 0;
  for (; i + 4 * kWidth <= count; i += 4 * kWidth) {
    const auto v0 = hn::LoadU(d, x + i), v1 = hn::LoadU(d, x + i + kWidth);
    const auto v2 = hn::LoadU(d, x + i + 2 * kWidth), v3 = hn::LoadU(d, x + i + 3 * kWidth);
    hn::Stream(v0, d, y + i);
    hn::Stream(v1, d, y + i + kWidth);
    hn::Stream(v2, d, y + i + 2 * kWidth);
    hn::Stream(v3, d, y + i + 3 * kWidth);
  }
  for (; i < count; ++i) y[i] = x[i];
  // Streamed stores have no order: other threads may read y once this returns.
  hwy::FlushStream();
}

}  // namespace pare::tools::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::tools::bench {

HWY_EXPORT(sum);
HWY_EXPORT(stream);

float read_pass(const float* x, int64_t count) { return HWY_DYNAMIC_DISPATCH(sum)(x, count); }

void streaming_copy(const float* x, int64_t count, float* y) { HWY_DYNAMIC_DISPATCH(stream)(x, count, y); }

}  // namespace pare::tools::bench
#endif  // HWY_ONCE
