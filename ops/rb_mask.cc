#include "ops/rb_mask.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include "backends/philox.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Masked {
  at::Tensor y;
  at::Tensor mask;  // Undefined if it was not wanted.
};

// weight and logits contiguous, logits float32; random null for the likeliest mask.
Masked masked(const at::Tensor& weight, const at::Tensor& logits, const backends::RandomStream* random,
              bool needs_mask) {
  Masked result{at::empty_like(weight), {}};
  if (needs_mask) result.mask = at::empty_like(weight, weight.options().dtype(at::kBool));
  with_kernel_type(weight, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kRbMaskForward<T>, weight.device())(
        torch_execution(), weight.numel(), data_of<T>(weight), data_of(logits), random,
        mutable_data_of<uint8_t>(result.mask), mutable_data_of<T>(result.y)));
  });
  return result;
}

class SparsifyFunction : public torch::autograd::Function<SparsifyFunction> {
 public:
  static constexpr char kName[] = "rb_sparsify";

  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const at::Tensor& logits,
                            const backends::RandomStream* random) {
    const Masked result = masked(weight, logits, random, true);
    context->save_for_backward({weight, result.mask});
    return result.y;
  }

  static variable_list backward(AutogradContext* context, variable_list dy) {
    refuse_second_derivative(kName);
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &weight = saved[0], &mask = saved[1];
    const at::Tensor gradient = in_order_of(weight, dy[0]);
    at::Tensor dw, d_logits;
    if (context->needs_input_grad(0)) dw = at::empty_like(weight);
    if (context->needs_input_grad(1)) d_logits = empty_float32(weight.sizes(), weight.device());
    with_kernel_type(weight, [&](auto type) {
      using T = decltype(type);
      throw_unless_ok(kernel_for(backends::kRbMaskBackward<T>, weight.device())(
          torch_execution(), weight.numel(), data_of<T>(gradient), data_of<T>(weight), data_of<uint8_t>(mask),
          mutable_data_of<T>(dw), mutable_data_of(d_logits)));
    });
    return {dw, d_logits, {}};
  }
};

at::Tensor active_count(const at::Tensor& dense) {
  const at::Tensor count = at::empty({}, dense.options().dtype(at::kLong));
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kCountAbove<T>, dense.device())(
        torch_execution(), backends::Layout::per_tensor(dense.numel()), data_of<T>(dense), 0.0f,
        mutable_data_of<int64_t>(count)));
  });
  return count.to(at::kDouble);
}

class ActiveCountFunction : public torch::autograd::Function<ActiveCountFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits) {
    context->saved_data["shape"] = logits.sizes();
    return active_count(logits);
  }

  static variable_list backward(AutogradContext* context, variable_list dy) {
    return {dy[0].to(at::kFloat).expand(context->saved_data["shape"].toIntVector())};
  }
};

}  // namespace

at::Tensor rb_sparsify(const at::Tensor& weight, const at::Tensor& logits, uint64_t seed, uint64_t draw,
                       bool training) {
  constexpr auto kName = SparsifyFunction::kName;
  const at::Tensor dense_weight = dense_numbers(kName, weight).contiguous();
  const at::Tensor dense_logits = dense_float32(kName, logits).contiguous();
  TORCH_CHECK(weight.sizes() == logits.sizes(), kName, ": logits of the weight's shape ", weight.sizes(),
              " are expected, but it is ", logits.sizes());
  check_device(kName, weight, "logits", logits);
  const backends::RandomStream stream{seed, draw};
  const backends::RandomStream* const random = training ? &stream : nullptr;
  const at::Tensor y = needs_gradients({&dense_weight, &dense_logits})
                           ? SparsifyFunction::apply(dense_weight, dense_logits, random)
                           : masked(dense_weight, dense_logits, random, false).y;
  return y.to(weight.scalar_type());
}

at::Tensor rb_active_count(const at::Tensor& logits) {
  const at::Tensor dense = dense_numbers("rb_active_count", logits);
  return needs_gradients({&dense}) ? ActiveCountFunction::apply(dense) : active_count(dense);
}

}  // namespace pare::ops
