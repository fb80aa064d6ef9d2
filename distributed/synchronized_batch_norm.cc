#include "distributed/synchronized_batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <set>
#include <string>
#include <utility>

namespace pare {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Settings = SynchronizedBatchNorm::Settings;

void exchange(Settings& settings, const at::Tensor& sums) {
  if (settings.status.ok()) settings.status = settings.group->all_reduce(sums, Reduction::kSum);
  TORCH_CHECK(settings.status.ok(), std::string(settings.status.message()));
}

// All dimensions but the channels'.
std::vector<int64_t> batch_dimensions(const at::Tensor& x) {
  std::vector<int64_t> dimensions = {0};
  for (int64_t i = 2; i < x.dim(); ++i) dimensions.push_back(i);
  return dimensions;
}

// A number a channel, shaped so that it meets x's.
at::Tensor by_channel(const at::Tensor& numbers, const at::Tensor& x) {
  std::vector<int64_t> shape(x.dim(), 1);
  shape[1] = numbers.numel();
  return numbers.to(x.scalar_type()).view(shape);
}

struct Moments {
  at::Tensor mean, variance;  // float64 [channels]; the variance of the samples, not their population's
  double count = 0;           // numbers a channel, of all processes
};

Moments moments_of_all(const at::Tensor& x, Settings& settings) {
  const int64_t channels = x.size(1);
  const auto [variance, mean] = at::var_mean(x, batch_dimensions(x), /*unbiased=*/false);
  const double own = settings.counts ? static_cast<double>(x.numel() / std::max<int64_t>(channels, 1)) : 0.0;
  const at::Tensor wide = mean.to(c10::kDouble);
  const at::Tensor sums = at::cat({wide.mul(own), variance.to(c10::kDouble).add(wide.square()).mul(own),
                                   at::full({1}, own, wide.options())})
                              .contiguous();
  exchange(settings, sums);
  Moments moments;
  moments.count = sums[2 * channels].item<double>();
  TORCH_CHECK(moments.count > 1, "batch norm in training needs more than one value a channel, over all processes");
  moments.mean = sums.narrow(0, 0, channels).div(moments.count);
  moments.variance = sums.narrow(0, channels, channels).div(moments.count).sub(moments.mean.square()).clamp_min(0.0);
  return moments;
}

class SynchronizedFunction : public torch::autograd::Function<SynchronizedFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& mean, const at::Tensor& inverse_deviation,
                            double count, int64_t settings) {
    context->save_for_backward({x, weight, mean, inverse_deviation});
    context->saved_data["count"] = count;
    context->saved_data["settings"] = settings;
    const at::Tensor scale = inverse_deviation.mul(weight.to(c10::kDouble));
    const at::Tensor shift = bias.to(c10::kDouble).sub(mean.mul(scale));
    return x.mul(by_channel(scale, x)).add_(by_channel(shift, x));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &inverse_deviation = saved[3];
    const at::Tensor& dy = gradients[0];
    const std::vector<int64_t> dimensions = batch_dimensions(x);
    const at::Tensor normalized = x.sub(by_channel(mean, x)).mul_(by_channel(inverse_deviation, x));
    Settings& settings = *reinterpret_cast<Settings*>(context->saved_data["settings"].toInt());
    TORCH_CHECK(settings.group != nullptr, "the training that this step belongs to has ended");
    at::Tensor of_bias = dy.sum(dimensions, false, c10::kDouble);
    at::Tensor of_weight = dy.mul(normalized).sum(dimensions, false, c10::kDouble);
    if (!settings.counts) {
      // What stands in has no part in the whole's gradients, whatever comes back to it from later batch norms.
      of_bias.zero_();
      of_weight.zero_();
    }
    const int64_t channels = x.size(1);
    const at::Tensor sums = at::cat({of_bias, of_weight}).contiguous();
    exchange(settings, sums);
    const double count = context->saved_data["count"].toDouble();
    const at::Tensor scale = inverse_deviation.mul(weight.to(c10::kDouble));
    at::Tensor dx = dy.sub(by_channel(sums.narrow(0, 0, channels).div(count), x))
                        .sub_(normalized.mul(by_channel(sums.narrow(0, channels, channels).div(count), x)))
                        .mul_(by_channel(scale, x));
    if (!settings.counts) dx.zero_();
    // A parameter's gradient is this process's share, as any other's: it is averaged with the others.
    return {dx, of_weight.to(weight.scalar_type()), of_bias.to(weight.scalar_type()), {}, {}, {}, {}};
  }
};

void update(at::Tensor running, const at::Tensor& now, double momentum) {
  const at::NoGradGuard no_grad;
  running.mul_(1.0 - momentum).add_(now.to(running.scalar_type()), momentum);
}

// A batch norm may have no scale and no shift: one, and zero.
at::Tensor tensor_or(const c10::IValue& value, double otherwise, const at::Tensor& x) {
  return value.isNone() ? at::full({x.size(1)}, otherwise, x.options().requires_grad(false)) : value.toTensor();
}

// aten::batch_norm(input, weight?, bias?, running_mean?, running_var?, training, momentum, eps, cudnn_enabled)
void batch_norm(torch::jit::Stack& stack, Settings& settings, const graph::StackFunction& original) {
  constexpr size_t kArguments = 9;
  const size_t first = stack.size() - kArguments;
  const auto argument = [&](size_t i) -> const c10::IValue& { return stack[first + i]; };
  const bool is_shared = settings.modes == SynchronizedBatchNorm::Modes::kEvery || settings.model->is_training();
  if (settings.group == nullptr || !argument(5).toBool() || !is_shared) return original(stack);
  const at::Tensor x = argument(0).toTensor();
  const double momentum = argument(6).toDouble(), epsilon = argument(7).toDouble();
  Moments moments;
  {
    const at::NoGradGuard no_grad;
    moments = moments_of_all(x.detach(), settings);
    if (!argument(3).isNone()) update(argument(3).toTensor(), moments.mean, momentum);
    if (!argument(4).isNone()) {
      update(argument(4).toTensor(), moments.variance.mul(moments.count / (moments.count - 1)), momentum);
    }
  }
  const at::Tensor y = SynchronizedFunction::apply(x, tensor_or(argument(1), 1.0, x), tensor_or(argument(2), 0.0, x),
                                                   moments.mean, moments.variance.add(epsilon).rsqrt(), moments.count,
                                                   static_cast<int64_t>(reinterpret_cast<intptr_t>(&settings)));
  stack.resize(first);
  stack.emplace_back(y);
}

}  // namespace

// A node's function cannot be changed: a second one with the same inputs takes its place, and the original is left with
// nobody to use it, in its evaluation mode.
SynchronizedBatchNorm::SynchronizedBatchNorm(graph::Model& model, ProcessGroup& group, Modes modes)
    : graph_(model.graph()),
      settings_(std::make_shared<Settings>(Settings{&model, &group, modes, true, absl::OkStatus()})) {
  graph::Value* no_training = nullptr;
  for (graph::Node* node : graph_.nodes()) {
    if (node->op() != "aten::batch_norm") continue;
    const int index = node->argument_index("training");
    if (index < 0 || node->input(index)->kind() != graph::Value::Kind::kTraining) continue;
    auto function = [settings = settings_, original = node->function()](torch::jit::Stack& stack) {
      batch_norm(stack, *settings, original);
    };
    const graph::NodePlace place{.before = graph_.next_node(node),
                                 .scope = node->scope(),
                                 .scope_types = node->scope_types(),
                                 .source = node->source()};
    const absl::StatusOr<graph::Node*> replacement =
        graph_.add_operator(node->schema(), node->schema_owner(), std::move(function), node->inputs(), place);
    if (!replacement.ok() || !graph_.replace_uses(node->output(), (*replacement)->output()).ok()) continue;
    if (no_training == nullptr) no_training = graph_.add_constant(false);
    (void)graph_.set_input(node, index, no_training);
    replaced_.push_back({node, *replacement});
  }
}

SynchronizedBatchNorm::~SynchronizedBatchNorm() {
  settings_->group = nullptr;
  const std::vector<graph::Node*> nodes = graph_.nodes();
  const std::set<const graph::Node*> present(nodes.begin(), nodes.end());
  for (const Replaced& each : replaced_) {
    // Who cleans the graph up meanwhile (filter pruning that cuts) takes the original for dead: its second one, which
    // is now like any other batch norm, stays then.
    if (present.count(each.original) == 0 || present.count(each.replacement) == 0) continue;
    // What a method has changed of its inputs meanwhile stays changed.
    for (size_t i = 0; i < each.original->inputs().size(); ++i) {
      (void)graph_.set_input(each.original, i, each.replacement->input(i));
    }
    (void)graph_.replace_uses(each.replacement->output(), each.original->output());
    (void)graph_.remove(each.replacement);
  }
}

}  // namespace pare
