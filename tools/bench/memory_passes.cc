#include "tools/bench/read_pass.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/bench/read_pass.cc"
#include "hwy/foreach_target.h"
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

}  // namespace pare::tools::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::tools::bench {

HWY_EXPORT(sum);

float read_pass(const float* x, int64_t count) { return HWY_DYNAMIC_DISPATCH(sum)(x, count); }

}  // namespace pare::tools::bench
#endif  // HWY_ONCE
