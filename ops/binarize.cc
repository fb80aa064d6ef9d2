#include "ops/binarize.h"

#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/channel_arithmetic.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// sums / count, in float32.
at::Tensor means_of(const at::Tensor& sums, int64_t count) {
  const auto divisor = static_cast<float>(count);
  if (!computes_on_host(sums)) return divided(sums, divisor);
  for (int64_t channel = 0; channel < sums.numel(); ++channel) mutable_data_of(sums)[channel] /= divisor;
  return sums;
}

at::Tensor binarized_weights(const at::Tensor& w, int64_t channel_axis) {
  const backends::Layout layout = layout_of(w, channel_axis);
  at::Tensor scale = empty_float32({layout.channels}, w.device());
  at::Tensor y = at::empty_like(w);
  with_kernel_type(w, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kFilterNorms<T>, w.device())(torch_execution(), layout, data_of<T>(w),
                                                                      mutable_data_of(scale), nullptr));
    scale = means_of(scale, layout.outer * layout.inner);
    throw_unless_ok(kernel_for(backends::kBinarizeWeights<T>, w.device())(torch_execution(), layout, data_of<T>(w),
                                                                          data_of(scale), mutable_data_of<T>(y)));
  });
  return y;
}

class WeightsFunction : public torch::autograd::Function<WeightsFunction> {
 public:
  static at::Tensor forward(AutogradContext*, const at::Tensor& w, int64_t channel_axis) {
    return binarized_weights(w, channel_axis);
  }

  static variable_list backward(AutogradContext*, variable_list dy) { return {dy[0], {}}; }
};

at::Tensor binarize_weights(const char* operation, const at::Tensor& w, int64_t channel_axis) {
  const at::Tensor dense = dense_numbers(operation, w);
  check_channel_axis(operation, dense, channel_axis);
  const at::Tensor y =
      needs_gradients({&dense}) ? WeightsFunction::apply(dense, channel_axis) : binarized_weights(dense, channel_axis);
  return y.to(w.scalar_type());
}

constexpr char kActivations[] = "binarize_activations";

struct ActivationParameters {
  at::Tensor scale, threshold;
};

ActivationParameters parameters_of(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& threshold,
                                   int64_t channel_axis) {
  return {channel_parameters(kActivations, x, "scale", scale, 1),
          channel_parameters(kActivations, x, "threshold", threshold, channels_of(x, channel_axis))};
}

// From the sums inside and above of all channels, [2, channels], and the scale: all_inside / scale + all_above.
at::Tensor gradient_of_scale(const at::Tensor& sums, const at::Tensor& scale) {
  const at::Tensor all = sums_of_rows(sums);
  if (!computes_on_host(sums)) return all.narrow(0, 0, 1).div(scale).add(all.narrow(0, 1, 1)).to(at::kFloat);
  const at::Tensor gradient = at::empty_like(scale);
  *mutable_data_of(gradient) = static_cast<float>(data_of<double>(all)[0] / *data_of(scale) + data_of<double>(all)[1]);
  return gradient;
}

at::Tensor binarized_activations(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& threshold,
                                 int64_t channel_axis) {
  const ActivationParameters parameters = parameters_of(x, scale, threshold, channel_axis);
  at::Tensor y = at::empty_like(x);
  with_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kBinarizeActivationsForward<T>, x.device())(
        torch_execution(), layout_of(x, channel_axis), data_of<T>(x), data_of(parameters.scale),
        data_of(parameters.threshold), mutable_data_of<T>(y)));
  });
  return y;
}

class ActivationsFunction : public torch::autograd::Function<ActivationsFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            const at::Tensor& threshold, int64_t channel_axis) {
    context->save_for_backward({x, scale, threshold});
    context->saved_data["channel_axis"] = channel_axis;
    return binarized_activations(x, scale, threshold, channel_axis);
  }

  static variable_list backward(AutogradContext* context, variable_list dy) {
    refuse_second_derivative(kActivations);
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &scale = saved[1], &threshold = saved[2];
    const int64_t channel_axis = context->saved_data["channel_axis"].toInt();
    const ActivationParameters parameters = parameters_of(x, scale, threshold, channel_axis);
    const at::Tensor same_order = in_order_of(x, dy[0]);
    at::Tensor dx;
    if (context->needs_input_grad(0)) dx = at::empty_like(x);
    const bool needs_scale = context->needs_input_grad(1), needs_threshold = context->needs_input_grad(2);
    // Rows: inside, above, between.
    const int64_t channels = parameters.threshold.numel();
    const at::Tensor rows = empty_float32({3, channels}, x.device());
    float* const first = mutable_data_of(rows);
    const backends::BinarizationSums sums{first, first + channels, first + 2 * channels};
    with_kernel_type(x, [&](auto type) {
      using T = decltype(type);
      throw_unless_ok(kernel_for(backends::kBinarizeActivationsBackward<T>, x.device())(
          torch_execution(), layout_of(x, channel_axis), data_of<T>(same_order), data_of<T>(x),
          data_of(parameters.scale), data_of(parameters.threshold), mutable_data_of<T>(dx),
          needs_scale || needs_threshold ? &sums : nullptr));
    });
    at::Tensor scale_gradient, threshold_gradient;
    if (needs_scale) {
      scale_gradient = parameter_gradient(scale, gradient_of_scale(rows.narrow(0, 0, 2), parameters.scale));
    }
    if (needs_threshold) threshold_gradient = parameter_gradient(threshold, rows.select(0, 2).neg());
    return {dx, scale_gradient, threshold_gradient, {}};
  }
};

}  // namespace

at::Tensor binarize_weights_xnor(const at::Tensor& w, int64_t channel_axis) {
  constexpr char kName[] = "binarize_weights_xnor";
  TORCH_CHECK(channel_axis >= 0, kName, ": the channel axis is a dimension of the weight, but it is ", channel_axis,
              ": one scale for all of it is binarize_weights_dorefa");
  return binarize_weights(kName, w, channel_axis);
}

at::Tensor binarize_weights_dorefa(const at::Tensor& w) { return binarize_weights("binarize_weights_dorefa", w, -1); }

at::Tensor binarize_activations(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& threshold,
                                int64_t channel_axis) {
  const at::Tensor dense = dense_numbers(kActivations, x);
  check_channel_axis(kActivations, dense, channel_axis);
  TORCH_CHECK(scale.defined() && threshold.defined(), kActivations,
              ": a scale and thresholds are expected, but one of them is undefined");
  const at::Tensor y = needs_gradients({&dense, &scale, &threshold})
                           ? ActivationsFunction::apply(dense, scale, threshold, channel_axis)
                           : binarized_activations(dense, scale, threshold, channel_axis);
  return y.to(x.scalar_type());
}

}  // namespace pare::ops
