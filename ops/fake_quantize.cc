#include "ops/fake_quantize.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

#include "ops/channel_grid.h"
#include "ops/range_gradients.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kMaximumLevel = int64_t{1} << 23;

at::Tensor quantized(const at::Tensor& x, int64_t channel_axis, const ChannelGrid& grid) {
  at::Tensor y = at::empty_like(x);
  with_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kFakeQuantizeForward<T>, x.device())(
        torch_execution(), layout_of(x, channel_axis), data_of<T>(x), grid.view(), mutable_data_of<T>(y)));
  });
  return y;
}

struct Gradients {
  at::Tensor dx;  // Undefined if it was not wanted.
  QuantizerSums sums;
};

Gradients backward(const char* operation, const at::Tensor& dy, const at::Tensor& x, int64_t channel_axis,
                   const ChannelGrid& grid, bool needs_dx, bool needs_sums) {
  refuse_second_derivative(operation);
  const at::Tensor same_order = in_order_of(x, dy);
  Gradients gradients;
  if (needs_dx) gradients.dx = at::empty_like(x);
  for (at::Tensor* sums : {&gradients.sums.inside, &gradients.sums.above, &gradients.sums.below}) {
    if (needs_sums) *sums = empty_float32(grid.step.sizes(), x.device());
  }
  const backends::FakeQuantizeSums sums{mutable_data_of(gradients.sums.inside), mutable_data_of(gradients.sums.above),
                                        mutable_data_of(gradients.sums.below)};
  with_kernel_type(x, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kFakeQuantizeBackward<T>, x.device())(
        torch_execution(), layout_of(x, channel_axis), data_of<T>(same_order), data_of<T>(x), grid.view(),
        mutable_data_of<T>(gradients.dx), needs_sums ? &sums : nullptr));
  });
  return gradients;
}

int64_t channel_axis_of(const AutogradContext& context) { return context.saved_data.at("channel_axis").toInt(); }

class SymmetricFunction : public torch::autograd::Function<SymmetricFunction> {
 public:
  static constexpr char kName[] = "fake_quantize_symmetric";

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& scale, int64_t level_low,
                            int64_t level_high, int64_t channel_axis, double eps, GradientRule rule) {
    context->save_for_backward({x, scale});
    context->saved_data["levels"] = std::vector<int64_t>{level_low, level_high};
    context->saved_data["channel_axis"] = channel_axis;
    context->saved_data["eps"] = eps;
    context->saved_data["exact"] = rule == GradientRule::kExact;
    return quantized(x, channel_axis, grid_of(x, scale, level_low, level_high, channel_axis, eps));
  }

  static variable_list backward(AutogradContext* context, variable_list dy) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &scale = saved[1];
    const std::vector<int64_t> levels = context->saved_data.at("levels").toIntVector();
    const int64_t channel_axis = channel_axis_of(*context);
    const bool exact = context->saved_data.at("exact").toBool();

    const ChannelGrid grid = grid_of(*context, saved);
    const bool needs_scale = context->needs_input_grad(1);
    const Gradients gradients =
        ops::backward(kName, dy[0], x, channel_axis, grid, context->needs_input_grad(0), needs_scale);
    at::Tensor scale_gradient;
    if (needs_scale) {
      const at::Tensor numbers = channel_parameters(kName, x, "scale", scale, grid.step.numel());
      scale_gradient = parameter_gradient(
          scale, symmetric_scale_gradient(gradients.sums, grid, numbers, levels[0], levels[1], exact));
    }
    return {gradients.dx, scale_gradient, {}, {}, {}, {}, {}};
  }

  static ChannelGrid grid_of(const AutogradContext& context, const variable_list& saved) {
    const std::vector<int64_t> levels = context.saved_data.at("levels").toIntVector();
    return grid_of(saved[0], saved[1], levels[0], levels[1], channel_axis_of(context),
                   context.saved_data.at("eps").toDouble());
  }

  static ChannelGrid grid_of(const at::Tensor& x, const at::Tensor& scale, int64_t level_low, int64_t level_high,
                             int64_t channel_axis, double eps) {
    return symmetric_channel_grid(channel_parameters(kName, x, "scale", scale, channels_of(x, channel_axis)), level_low,
                                  level_high, eps);
  }
};

class AsymmetricFunction : public torch::autograd::Function<AsymmetricFunction> {
 public:
  static constexpr char kName[] = "fake_quantize_asymmetric";

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& input_low,
                            const at::Tensor& input_range, int64_t levels, int64_t channel_axis, double eps,
                            GradientRule rule) {
    context->save_for_backward({x, input_low, input_range});
    context->saved_data["levels"] = levels;
    context->saved_data["channel_axis"] = channel_axis;
    context->saved_data["eps"] = eps;
    context->saved_data["exact"] = rule == GradientRule::kExact;
    return quantized(x, channel_axis, grid_of(x, input_low, input_range, levels, channel_axis, eps));
  }

  static variable_list backward(AutogradContext* context, variable_list dy) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &input_low = saved[1], &input_range = saved[2];
    const int64_t channel_axis = channel_axis_of(*context);
    const double eps = context->saved_data.at("eps").toDouble();
    const bool exact = context->saved_data.at("exact").toBool();

    const ChannelGrid grid = grid_of(*context, saved);
    const bool needs_low = context->needs_input_grad(1), needs_range = context->needs_input_grad(2);
    const Gradients gradients =
        ops::backward(kName, dy[0], x, channel_axis, grid, context->needs_input_grad(0), needs_low || needs_range);
    at::Tensor low_gradient, range_gradient;
    if (needs_low || needs_range) {
      const int64_t channels = grid.step.numel();
      const AsymmetricGradients both = asymmetric_range_gradients(
          gradients.sums, grid, channel_parameters(kName, x, "input_low", input_low, channels),
          channel_parameters(kName, x, "input_range", input_range, channels), eps, exact);
      low_gradient = parameter_gradient(input_low, both.input_low);
      range_gradient = parameter_gradient(input_range, both.input_range);
    }
    return {gradients.dx, low_gradient, range_gradient, {}, {}, {}, {}};
  }

  static ChannelGrid grid_of(const AutogradContext& context, const variable_list& saved) {
    return grid_of(saved[0], saved[1], saved[2], context.saved_data.at("levels").toInt(), channel_axis_of(context),
                   context.saved_data.at("eps").toDouble());
  }

  static ChannelGrid grid_of(const at::Tensor& x, const at::Tensor& input_low, const at::Tensor& input_range,
                             int64_t levels, int64_t channel_axis, double eps) {
    const int64_t channels = channels_of(x, channel_axis);
    return asymmetric_channel_grid(channel_parameters(kName, x, "input_low", input_low, channels),
                                   channel_parameters(kName, x, "input_range", input_range, channels), levels, eps);
  }
};

using SymmetricNode = torch::autograd::CppNode<SymmetricFunction>;
using AsymmetricNode = torch::autograd::CppNode<AsymmetricFunction>;

template <typename Function>
at::Tensor recomputed(const torch::autograd::CppNode<Function>& node) {
  const variable_list saved = node.ctx_.get_saved_variables();
  const at::NoGradGuard no_grad;
  return quantized(saved[0], channel_axis_of(node.ctx_), Function::grid_of(node.ctx_, saved));
}

void check_eps(const char* operation, double eps) {
  TORCH_CHECK(eps >= 0 && std::isfinite(eps), operation, ": eps is a finite number of at least 0, but it is ", eps);
}

}  // namespace

at::Tensor fake_quantize_symmetric(const at::Tensor& x, const at::Tensor& scale, int64_t level_low, int64_t level_high,
                                   int64_t channel_axis, double eps, GradientRule rule) {
  constexpr auto kName = SymmetricFunction::kName;
  TORCH_CHECK(-kMaximumLevel <= level_low && level_low <= 0 && 0 < level_high && level_high <= kMaximumLevel, kName,
              ": levels from at least -2^23 up to 0, to one above 0 and up to 2^23 are expected, but they are [",
              level_low, ", ", level_high, "]");
  check_eps(kName, eps);
  const at::Tensor dense = dense_numbers(kName, x);
  check_channel_axis(kName, dense, channel_axis);
  const at::Tensor y =
      needs_gradients({&dense, &scale})
          ? SymmetricFunction::apply(dense, scale, level_low, level_high, channel_axis, eps, rule)
          : quantized(dense, channel_axis,
                      SymmetricFunction::grid_of(dense, scale, level_low, level_high, channel_axis, eps));
  return y.to(x.scalar_type());
}

at::Tensor fake_quantize_asymmetric(const at::Tensor& x, const at::Tensor& input_low, const at::Tensor& input_range,
                                    int64_t levels, int64_t channel_axis, double eps, GradientRule rule) {
  constexpr auto kName = AsymmetricFunction::kName;
  TORCH_CHECK(2 <= levels && levels <= kMaximumLevel, kName, ": 2 to 2^23 levels are expected, but they are ", levels);
  check_eps(kName, eps);
  const at::Tensor dense = dense_numbers(kName, x);
  check_channel_axis(kName, dense, channel_axis);
  const at::Tensor y =
      needs_gradients({&dense, &input_low, &input_range})
          ? AsymmetricFunction::apply(dense, input_low, input_range, levels, channel_axis, eps, rule)
          : quantized(dense, channel_axis,
                      AsymmetricFunction::grid_of(dense, input_low, input_range, levels, channel_axis, eps));
  return y.to(x.scalar_type());
}

bool is_fake_quantize(const torch::autograd::Node& node) {
  return dynamic_cast<const SymmetricNode*>(&node) != nullptr || dynamic_cast<const AsymmetricNode*>(&node) != nullptr;
}

at::Tensor recompute_fake_quantize(const torch::autograd::Node& node) {
  if (const auto* symmetric = dynamic_cast<const SymmetricNode*>(&node)) return recomputed(*symmetric);
  if (const auto* asymmetric = dynamic_cast<const AsymmetricNode*>(&node)) return recomputed(*asymmetric);
  return at::Tensor();
}

}  // namespace pare::ops
