#include <cstdint>
#include <tuple>
#include <vector>

#include "backends/cpu/channelwise.h"
#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/fake_quantize.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/channelwise-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_FAKE_QUANTIZE_FUNCTIONS_
#define PARE_BACKENDS_CPU_FAKE_QUANTIZE_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct FakeQuantizeFunctions {
  void (*forward)(const Execution& execution, const Layout& layout, const T* x, const QuantizationGrid& grid, T* y);
  void (*backward)(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                   const QuantizationGrid& grid, T* dx, float* partial);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {

// The parameters are the grid's: step, inverse_step, lowest, highest.
struct Forward {
  static constexpr int kInputs = 1, kParameters = 4, kSums = 0;
  static constexpr bool kHasOutput = true;
  static HWY_INLINE V apply(const V* x, const V* grid, V*) {
    return hn::Add(hn::Mul(nearest_level(x[0], grid[1], grid[2], grid[3]), grid[0]), hn::Zero(Floats()));
  }
};

struct Backward {
  static constexpr int kInputs = 2, kParameters = 4, kSums = 3;
  static constexpr bool kHasOutput = true;
  static HWY_INLINE V apply(const V* dy_and_x, const V* grid, V* sums) {
    const V dy = dy_and_x[0], x = dy_and_x[1], step = grid[0], lowest = grid[2], highest = grid[3];
    const auto is_above = hn::Gt(x, hn::Mul(step, highest));
    const auto is_below = hn::Lt(x, hn::Mul(step, lowest));
    const auto is_outside = hn::Or(is_above, is_below);
    // Whether y is a negative zero makes no difference here.
    const V y = hn::Mul(nearest_level(x, grid[1], lowest, highest), step);
    const V error = hn::Mul(dy, hn::Sub(y, x));
    sums[0] = add_if(hn::Not(is_outside), sums[0], error);
    sums[1] = add_if(is_above, sums[1], dy);
    sums[2] = add_if(is_below, sums[2], dy);
    return hn::IfThenZeroElse(is_outside, dy);
  }
};

template <typename T>
void forward(const Execution& execution, const Layout& layout, const T* x, const QuantizationGrid& grid, T* y) {
  run_channelwise<Forward, T>(execution, layout, {{x}, {grid.step, grid.inverse_step, grid.lowest, grid.highest}, y},
                              nullptr);
}

template <typename T>
void backward(const Execution& execution, const Layout& layout, const T* dy, const T* x, const QuantizationGrid& grid,
              T* dx, float* partial) {
  run_channelwise<Backward, T>(execution, layout,
                               {{dy, x}, {grid.step, grid.inverse_step, grid.lowest, grid.highest}, dx}, partial);
}

ForTypes<FakeQuantizeFunctions> functions() {
  return {{forward<float>, backward<float>}, {forward<Half>, backward<Half>}, {forward<BFloat16>, backward<BFloat16>}};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status fake_quantize_forward(const Execution& execution, const Layout& layout, const T* x,
                                   const QuantizationGrid& grid, T* y) {
  const auto kernel = std::get<FakeQuantizeFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.forward(execution, layout, x, grid, y);
  return absl::OkStatus();
}

template <typename T>
absl::Status fake_quantize_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums) {
  const int64_t terms = partial_sums(layout);
  std::vector<float> partial(3 * terms * layout.channels);
  const auto kernel = std::get<FakeQuantizeFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.backward(execution, layout, dy, x, grid, dx, partial.data());
  if (sums == nullptr) return absl::OkStatus();
  float* const results[] = {sums->inside, sums->above, sums->below};
  for (int64_t sum = 0; sum < 3; ++sum) {
    add_terms(partial.data() + sum * terms * layout.channels, terms, layout.channels, results[sum]);
  }
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status fake_quantize_forward(const Execution&, const Layout&, const T*, const QuantizationGrid&, T*); \
  template absl::Status fake_quantize_backward(const Execution&, const Layout&, const T*, const T*,                    \
                                               const QuantizationGrid&, T*, const FakeQuantizeSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
