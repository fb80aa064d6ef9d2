#include <algorithm>
#include <cstdint>
#include <tuple>

#include "backends/cpu/for_types.h"
#include "backends/cpu/kernels.h"
#include "backends/cpu/partition.h"

// Highway's headers have to come in this order.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/cpu/rb_mask.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/masks-inl.h"
#include "backends/cpu/random-inl.h"
// clang-format on

#ifndef PARE_BACKENDS_CPU_RB_MASK_FUNCTIONS_
#define PARE_BACKENDS_CPU_RB_MASK_FUNCTIONS_
namespace pare::backends::cpu {

template <typename T>
struct RbMaskFunctions {
  void (*forward)(const Execution& execution, int64_t size, const T* w, const float* logits, const RandomStream* random,
                  uint8_t* mask, T* y);
  void (*backward)(const Execution& execution, int64_t size, const T* dy, const T* w, const uint8_t* mask, T* dw,
                   float* d_logits);
};

}  // namespace pare::backends::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {
namespace {

// Elements that get their random numbers together.
inline constexpr int64_t kBlock = 64;
static_assert(kBlock % kPhiloxWords == 0);

// The masks of kBlock elements, of which the first is the tensor's element `first`.
HWY_INLINE void random_mask(const float* logits, const PhiloxKeys& keys, int64_t first, uint8_t* mask) {
  HWY_ALIGN uint32_t words[kBlock];
  for (int64_t i = 0; i < kBlock; i += kPhiloxWords) philox_words(keys, (first + i) / 4, words + i);
  for (int64_t i = 0; i < kBlock; i += kWidth) {
    const V u = uniform_vector(hn::Load(Words(), words + i));
    const V odds = exponential_vector(hn::Neg(load_vector(logits + i)));
    store_mask(hn::Gt(u, hn::Mul(hn::Sub(hn::Set(Floats(), 1.0f), u), odds)), mask + i);
  }
}

HWY_INLINE void likeliest_mask(const float* logits, uint8_t* mask) {
  for (int64_t i = 0; i < kBlock; i += kWidth) {
    store_mask(hn::Gt(load_vector(logits + i), hn::Zero(Floats())), mask + i);
  }
}

// Calls mask_block(logits, first, mask) for the blocks of elements.
template <Output kOutput, typename T, typename MaskBlock>
void for_each_block(const Execution& execution, int64_t size, const T* w, const float* logits, uint8_t* mask, T* y,
                    const MaskBlock& mask_block) {
  execution.parallel_for(0, divide_up(size, kBlock), kGrain / kBlock, [&](int64_t begin, int64_t end) HWY_ATTR {
    for (int64_t first = begin * kBlock; first < end * kBlock; first += kBlock) {
      const int64_t count = std::min(kBlock, size - first);
      uint8_t own_mask[kBlock];
      if (count == kBlock) {
        uint8_t* const block = mask == nullptr ? own_mask : mask + first;
        mask_block(logits + first, first, block);
        if constexpr (kOutput == Output::kNone) continue;
        for (int64_t i = 0; i < kBlock; i += kLanes) keep_group<kOutput>(w + first + i, block + i, y + first + i);
      } else {
        float padded[kBlock] = {};
        std::copy_n(logits + first, count, padded);
        mask_block(padded, first, own_mask);
        if (mask != nullptr) std::copy_n(own_mask, count, mask + first);
        if constexpr (kOutput == Output::kNone) continue;
        for (int64_t i = 0; i < count; ++i) keep_element(w[first + i], own_mask[i], y + first + i);
      }
    }
    end_streams(kOutput == Output::kStreamed);
  });
}

template <Output kOutput, typename T>
void forward_into(const Execution& execution, int64_t size, const T* w, const float* logits, const RandomStream* random,
                  uint8_t* mask, T* y) {
  if (random == nullptr) {
    for_each_block<kOutput>(execution, size, w, logits, mask, y,
                            [](const float* numbers, int64_t, uint8_t* block)
                                HWY_ATTR { likeliest_mask(numbers, block); });
    return;
  }
  const PhiloxKeys keys(*random);
  for_each_block<kOutput>(execution, size, w, logits, mask, y,
                          [&](const float* numbers, int64_t first, uint8_t* block)
                              HWY_ATTR { random_mask(numbers, keys, first, block); });
}

template <typename T>
void forward(const Execution& execution, int64_t size, const T* w, const float* logits, const RandomStream* random,
             uint8_t* mask, T* y) {
  if (y == nullptr) {
    forward_into<Output::kNone>(execution, size, w, logits, random, mask, y);
  } else if (y != w && can_stream(size, y)) {
    forward_into<Output::kStreamed>(execution, size, w, logits, random, mask, y);
  } else {
    forward_into<Output::kStored>(execution, size, w, logits, random, mask, y);
  }
}

template <Output kOutput, typename T>
void logits_span(const T* dy, const T* w, int64_t count, float* d_logits) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    put<kOutput>(hn::Mul(load_vector(dy + i), load_vector(w + i)), d_logits + i);
  }
  for (; i < count; ++i) d_logits[i] = to_float(dy[i]) * to_float(w[i]);
}

template <Output kOutput, typename T>
void weights_span(const T* dy, const uint8_t* mask, int64_t count, T* dw) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) keep_group<kOutput>(dy + i, mask + i, dw + i);
  for (; i < count; ++i) keep_element(dy[i], mask[i], dw + i);
}

template <typename T>
void backward(const Execution& execution, int64_t size, const T* dy, const T* w, const uint8_t* mask, T* dw,
              float* d_logits) {
  // A part that stays in the first cache at a time, once for the logits and then, since dw may be dy, for the weights.
  constexpr int64_t kPart = 1024;
  const bool streams_logits = can_stream(size, d_logits), streams_weights = dw != dy && can_stream(size, dw);
  const auto logits = streams_logits ? logits_span<Output::kStreamed, T> : logits_span<Output::kStored, T>;
  const auto weights = streams_weights ? weights_span<Output::kStreamed, T> : weights_span<Output::kStored, T>;
  execution.parallel_for(0, divide_up(size, kPart), kGrain / kPart, [&](int64_t begin, int64_t end) HWY_ATTR {
    for (int64_t first = begin * kPart; first < end * kPart; first += kPart) {
      const int64_t count = std::min(kPart, size - first);
      if (d_logits != nullptr) logits(dy + first, w + first, count, d_logits + first);
      if (dw != nullptr) weights(dy + first, mask + first, count, dw + first);
    }
    end_streams(streams_logits || streams_weights);
  });
}

ForTypes<RbMaskFunctions> functions() {
  return {{forward<float>, backward<float>}, {forward<Half>, backward<Half>}, {forward<BFloat16>, backward<BFloat16>}};
}

}  // namespace
}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pare::backends::cpu {

HWY_EXPORT(functions);

template <typename T>
absl::Status rb_mask_forward(const Execution& execution, int64_t size, const T* w, const float* logits,
                             const RandomStream* random, uint8_t* mask, T* y) {
  const auto kernel = std::get<RbMaskFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.forward(execution, size, w, logits, random, mask, y);
  return absl::OkStatus();
}

template <typename T>
absl::Status rb_mask_backward(const Execution& execution, int64_t size, const T* dy, const T* w, const uint8_t* mask,
                              T* dw, float* d_logits) {
  const auto kernel = std::get<RbMaskFunctions<T>>(HWY_DYNAMIC_DISPATCH(functions)());
  kernel.backward(execution, size, dy, w, mask, dw, d_logits);
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                     \
  template absl::Status rb_mask_forward(const Execution&, int64_t, const T*, const float*, const RandomStream*, \
                                        uint8_t*, T*);                                                          \
  template absl::Status rb_mask_backward(const Execution&, int64_t, const T*, const T*, const uint8_t*, T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cpu
#endif  // HWY_ONCE
