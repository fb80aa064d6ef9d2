#include "ops/binarize.h"

#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor binarized_weights(const at::Tensor& w, int64_t channel_axis) {
  const backends::Layout layout = layout_of(w, channel_axis);
  std::vector<float> scale(layout.channels);
  at::Tensor y = at::empty_like(w);
  with_kernel_type(w, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(
        kernel_for(backends::kFilterNorms<T>)(torch_execution(), layout, data_of<T>(w), scale.data(), nullptr));
    for (float& sum : scale) sum /= static_cast<float>(layout.outer * layout.inner);
    throw_unless_ok(kernel_for(backends::kBinarizeWeights<T>)(torch_execution(), layout, data_of<T>(w), scale.data(),
                                                              mutable_data_of<T>(y)));
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
  float scale;
  std::vector<float> threshold;
};

ActivationParameters parameters_of(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& threshold,
                                   int64_t channel_axis) {
  return {channel_parameters(kActivations, "scale", scale, 1)[0],
          channel_parameters(kActivations, "threshold", threshold, channels_of(x, channel_axis))};
}

at::Tensor binarized_activations(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& threshold,
                                 int64_t channel_axis) {
  const ActivationParameters parameters = parameters_of(x, scale, threshold, channel_axis);
  at::Tensor y = at::empty_like(x);
  with_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kBinarizeActivationsForward<T>)(
        torch_execution(), layout_of(x, channel_axis), data_of<T>(x), &parameters.scale, parameters.threshold.data(),
        mutable_data_of<T>(y)));
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
    std::vector<float> inside(parameters.threshold.size()), above(inside), between(inside);
    const backends::BinarizationSums sums{inside.data(), above.data(), between.data()};
    with_kernel_type(x, [&](auto type) {
      using T = decltype(type);
      throw_unless_ok(kernel_for(backends::kBinarizeActivationsBackward<T>)(
          torch_execution(), layout_of(x, channel_axis), data_of<T>(same_order), data_of<T>(x), &parameters.scale,
          parameters.threshold.data(), mutable_data_of<T>(dx), needs_scale || needs_threshold ? &sums : nullptr));
    });
    at::Tensor scale_gradient, threshold_gradient;
    if (needs_scale) {
      double all_inside = 0, all_above = 0;
      for (size_t channel = 0; channel < inside.size(); ++channel) {
        all_inside += inside[channel];
        all_above += above[channel];
      }
      scale_gradient = parameter_gradient(scale, {static_cast<float>(all_inside / parameters.scale + all_above)});
    }
    if (needs_threshold) {
      for (float& sum : between) sum = -sum;
      threshold_gradient = parameter_gradient(threshold, between);
    }
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
