#include <cmath>
#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernels.h"

namespace pare::backends::reference {

namespace {

float binarized_activation(float x, float scale, float threshold) {
  if (std::isnan(x)) return x;
  return x > scale * threshold ? scale : 0.0f;
}

}  // namespace

template <typename T>
absl::Status binarize_weights(const Execution&, const Layout& layout, const T* x, const float* scale, T* y) {
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float number = to_float(x[i]);
    y[i] = from_float<T>(std::isnan(number) ? number : number > 0 ? scale[c] : -scale[c]);
  });
  return absl::OkStatus();
}

template <typename T>
absl::Status binarize_activations_forward(const Execution&, const Layout& layout, const T* x, const float* scale,
                                          const float* threshold, T* y) {
  for_each_element(layout, [&](int64_t i, int64_t c) {
    y[i] = from_float<T>(binarized_activation(to_float(x[i]), *scale, threshold[c]));
  });
  return absl::OkStatus();
}

template <typename T>
absl::Status binarize_activations_backward(const Execution&, const Layout& layout, const T* dy, const T* x,
                                           const float* scale, const float* threshold, T* dx,
                                           const BinarizationSums* sums) {
  std::vector<double> inside(layout.channels), above(layout.channels), between(layout.channels);
  for_each_element(layout, [&](int64_t i, int64_t c) {
    const float gradient = to_float(dy[i]), number = to_float(x[i]);
    const bool is_above = number > *scale, is_below = number < 0;
    const float error = gradient * (binarized_activation(number, *scale, threshold[c]) - number);
    if (is_above) above[c] += gradient;
    if (!is_above) inside[c] += error;
    if (number > 0 && number < *scale) between[c] += gradient;
    if (dx != nullptr) dx[i] = from_float<T>(is_above || is_below ? 0.0f : gradient);
  });
  if (sums != nullptr) {
    for (int64_t c = 0; c < layout.channels; ++c) {
      sums->inside[c] = static_cast<float>(inside[c]);
      sums->above[c] = static_cast<float>(above[c]);
      sums->between[c] = static_cast<float>(between[c]);
    }
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

}  // namespace pare::backends::reference
