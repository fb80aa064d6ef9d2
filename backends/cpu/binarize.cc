#include <array>
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
#define HWY_TARGET_INCLUDE "backends/cpu/binarize.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/channelwise-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_BINARIZE_FUNCTIONS_
#define PARE_BACKENDS_CPU_BINARIZE_FUNCTIONS_
namespace pare::backends::cpu {

// scale and edge, which is scale * threshold, are one number a channel.
template <typename T>
struct BinarizeFunctions {
  void (*weights)(const Execution& execution, const Layout& layout, const T* x, const float* scale, T* y);
  void (*activations_forward)(const Execution& execution, const Layout& layout, const T* x, const float* scale,
                              const float* edge, T* y);
  void (*activations_backward)(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                               const float* scale, const float* edge, T* dx, float* partial);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {

struct Weights {
  static constexpr int kInputs = 1, kParameters = 1, kSums = 0;
  static constexpr bool kHasOutput = true;
  static HWY_INLINE V apply(const V* x, const V* scale, V*) {
    const V y = hn::IfThenElse(hn::Gt(x[0], hn::Zero(Floats())), scale[0], hn::Neg(scale[0]));
    return hn::IfThenElse(hn::IsNaN(x[0]), x[0], y);
  }
};

struct ActivationsForward {
  static constexpr int kInputs = 1, kParameters = 2, kSums = 0;
  static constexpr bool kHasOutput = true;
  static HWY_INLINE V apply(const V* x, const V* scale_and_edge, V*) {
    const V y = hn::IfThenElseZero(hn::Gt(x[0], scale_and_edge[1]), scale_and_edge[0]);
    return hn::IfThenElse(hn::IsNaN(x[0]), x[0], y);
  }
};

struct ActivationsBackward {
  static constexpr int kInputs = 2, kParameters = 2, kSums = 3;
  static constexpr bool kHasOutput = true;
  static HWY_INLINE V apply(const V* dy_and_x, const V* scale_and_edge, V* sums) {
    const V zero = hn::Zero(Floats());
    const V dy = dy_and_x[0], x = dy_and_x[1], scale = scale_and_edge[0];
    const auto is_above = hn::Gt(x, scale), is_between = hn::And(hn::Gt(x, zero), hn::Lt(x, scale));
    // y - x is NaN for NaN, whatever y is.
    const V y = hn::IfThenElseZero(hn::Gt(x, scale_and_edge[1]), scale);
    const V error = hn::Mul(dy, hn::Sub(y, x));
    sums[0] = add_if(hn::Not(is_above), sums[0], error);
    sums[1] = add_if(is_above, sums[1], dy);
    sums[2] = add_if(is_between, sums[2], dy);
    return hn::IfThenZeroElse(hn::Or(is_above, hn::Lt(x, zero)), dy);
  }
};

template <typename T>
void weights(const Execution& execution, const Layout& layout, const T* x, const float* scale, T* y) {
  run_channelwise<Weights, T>(execution, layout, {{x}, {scale}, y}, nullptr);
}

template <typename T>
void activations_forward(const Execution& execution, const Layout& layout, const T* x, const float* scale,
                         const float* edge, T* y) {
  run_channelwise<ActivationsForward, T>(execution, layout, {{x}, {scale, edge}, y}, nullptr);
}

template <typename T>
void activations_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x, const float* scale,
                          const float* edge, T* dx, float* partial) {
  run_channelwise<ActivationsBackward, T>(execution, layout, {{dy, x}, {scale, edge}, dx}, partial);
}

template <typename T>
BinarizeFunctions<T> functions_of_type() {
  return {weights<T>, activations_forward<T>, activations_backward<T>};
}

ForTypes<BinarizeFunctions> functions() {
  return {functions_of_type<float>(), functions_of_type<Half>(), functions_of_type<BFloat16>()};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

namespace {

template <typename T>
BinarizeFunctions<T> chosen() {
  return std::get<BinarizeFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
}

struct ChannelParameters {
  std::vector<float> scale, edge;
};

ChannelParameters channel_parameters(const Layout& layout, float scale, const float* threshold) {
  ChannelParameters result{std::vector<float>(layout.channels, scale), std::vector<float>(layout.channels)};
  for (int64_t channel = 0; channel < layout.channels; ++channel) result.edge[channel] = scale * threshold[channel];
  return result;
}

}  // namespace

template <typename T>
absl::Status binarize_weights(const Execution& execution, const Layout& layout, const T* x, const float* scale, T* y) {
  chosen<T>().weights(execution, layout, x, scale, y);
  return absl::OkStatus();
}

template <typename T>
absl::Status binarize_activations_forward(const Execution& execution, const Layout& layout, const T* x,
                                          const float* scale, const float* threshold, T* y) {
  const ChannelParameters parameters = channel_parameters(layout, *scale, threshold);
  chosen<T>().activations_forward(execution, layout, x, parameters.scale.data(), parameters.edge.data(), y);
  return absl::OkStatus();
}

template <typename T>
absl::Status binarize_activations_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                           const float* scale, const float* threshold, T* dx,
                                           const BinarizationSums* sums) {
  const ChannelParameters parameters = channel_parameters(layout, *scale, threshold);
  const int64_t terms = partial_sums(layout);
  std::vector<float> partial(3 * terms * layout.channels);
  chosen<T>().activations_backward(execution, layout, dy, x, parameters.scale.data(), parameters.edge.data(), dx,
                                   partial.data());
  if (sums == nullptr) return absl::OkStatus();
  float* const results[] = {sums->inside, sums->above, sums->between};
  for (int64_t sum = 0; sum < 3; ++sum) {
    add_terms(partial.data() + sum * terms * layout.channels, terms, layout.channels, results[sum]);
  }
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                   \
  template absl::Status binarize_weights(const Execution&, const Layout&, const T*, const float*, T*);        \
  template absl::Status binarize_activations_forward(const Execution&, const Layout&, const T*, const float*, \
                                                     const float*, T*);                                       \
  template absl::Status binarize_activations_backward(const Execution&, const Layout&, const T*, const T*,    \
                                                      const float*, const float*, T*, const BinarizationSums*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
