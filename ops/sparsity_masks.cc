#include "ops/sparsity_masks.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A mask whose bytes lie as the numbers of `dense`.
at::Tensor empty_mask(const at::Tensor& dense) { return at::empty_like(dense, dense.options().dtype(at::kBool)); }

at::Tensor masked(const at::Tensor& dense, const at::Tensor& mask) {
  at::Tensor same_order = mask;
  if (mask.strides() != dense.strides()) same_order = empty_mask(dense).copy_(mask);
  at::Tensor y = at::empty_like(dense);
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kApplyMask<T>, dense.device())(
        torch_execution(), dense.numel(), data_of<T>(dense), data_of<uint8_t>(same_order), mutable_data_of<T>(y)));
  });
  return y;
}

class ApplyMaskFunction : public torch::autograd::Function<ApplyMaskFunction> {
 public:
  static constexpr char kName[] = "apply_mask";

  static at::Tensor forward(AutogradContext* context, const at::Tensor& dense, const at::Tensor& mask) {
    context->save_for_backward({mask});
    return masked(dense, mask);
  }

  static variable_list backward(AutogradContext* context, variable_list dy) {
    return {apply_mask(dy[0], context->get_saved_variables()[0]), {}};
  }
};

}  // namespace

at::Tensor magnitude_mask(const at::Tensor& x, double threshold, double scale) {
  const at::Tensor dense = dense_values("magnitude_mask", x, -1);
  const at::Tensor mask = empty_mask(dense);
  const at::Tensor factor = at::full({1}, static_cast<float>(scale), dense.options().dtype(at::kFloat));
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kMagnitudeMask<T>, dense.device())(
        torch_execution(), backends::Layout::per_tensor(dense.numel()), data_of<T>(dense), data_of(factor),
        static_cast<float>(threshold), mutable_data_of<uint8_t>(mask), nullptr));
  });
  return mask;
}

at::Tensor n_of_m_mask(const at::Tensor& x, int64_t n, int64_t m, int64_t axis) {
  constexpr char kName[] = "n_of_m_mask";
  TORCH_CHECK(1 <= n && n <= m && m <= 32, kName, ": n of m numbers with 1 <= n <= m <= 32 are expected, but they are ",
              n, " of ", m);
  const at::Tensor dense = dense_values(kName, x, -1);
  TORCH_CHECK(0 <= axis && axis < dense.dim(), kName, ": an axis of a tensor of shape ", dense.sizes(),
              " is expected, but it is ", axis);
  const at::Tensor mask = empty_mask(dense);
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kNOfMMask<T>, dense.device())(
        torch_execution(), layout_of(dense, axis), data_of<T>(dense), static_cast<int>(n), static_cast<int>(m),
        mutable_data_of<uint8_t>(mask)));
  });
  return mask;
}

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  constexpr auto kName = ApplyMaskFunction::kName;
  const at::Tensor dense = dense_numbers(kName, x);
  TORCH_CHECK(mask.defined() && mask.scalar_type() == at::kBool && mask.sizes() == dense.sizes(), kName,
              ": a bool mask of shape ", dense.sizes(), " is expected, but it is ",
              mask.defined() ? mask.toString() : "undefined", " of shape ",
              mask.defined() ? mask.sizes() : at::IntArrayRef());
  check_device(kName, dense, "the mask", mask);
  return (needs_gradients({&dense}) ? ApplyMaskFunction::apply(dense, mask) : masked(dense, mask)).to(x.scalar_type());
}

int64_t count_zeros(const at::Tensor& x) {
  const at::Tensor dense = dense_values("count_zeros", x, -1);
  int64_t count = 0;
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kCountZeros<T>, dense.device())(
        torch_execution(), backends::Layout::per_tensor(dense.numel()), data_of<T>(dense), &count));
  });
  return count;
}

double sparsity_level(const at::Tensor& x) {
  const int64_t zeros = count_zeros(x);
  return x.numel() == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(x.numel());
}

}  // namespace pare::ops
