#include "ops/sparsity_masks.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor dense_of(const char* operation, const at::Tensor& x) {
  TORCH_CHECK(x.defined(), operation, ": a tensor is expected, but it is undefined");
  return dense_float32(operation, x.detach());
}

// A mask whose bytes lie as the numbers of `dense`.
at::Tensor empty_mask(const at::Tensor& dense) { return at::empty_like(dense, dense.options().dtype(at::kBool)); }

// A bool is a byte that holds 0 or 1, which is what kernels write.
uint8_t* mutable_bytes_of(const at::Tensor& mask) { return static_cast<uint8_t*>(mask.data_ptr()); }
const uint8_t* bytes_of(const at::Tensor& mask) { return static_cast<const uint8_t*>(mask.data_ptr()); }

at::Tensor masked(const at::Tensor& dense, const at::Tensor& mask) {
  at::Tensor same_order = mask;
  if (mask.strides() != dense.strides()) same_order = empty_mask(dense).copy_(mask);
  at::Tensor y = at::empty_like(dense);
  throw_unless_ok(kernel_for(backends::kApplyMask<float>)(torch_execution(), dense.numel(), data_of(dense),
                                                          bytes_of(same_order), mutable_data_of(y)));
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
  const at::Tensor dense = dense_of("magnitude_mask", x);
  const at::Tensor mask = empty_mask(dense);
  const auto factor = static_cast<float>(scale);
  throw_unless_ok(kernel_for(backends::kMagnitudeMask<float>)(
      torch_execution(), backends::Layout::per_tensor(dense.numel()), data_of(dense), &factor,
      static_cast<float>(threshold), mutable_bytes_of(mask), nullptr));
  return mask;
}

at::Tensor n_of_m_mask(const at::Tensor& x, int64_t n, int64_t m, int64_t axis) {
  constexpr char kName[] = "n_of_m_mask";
  TORCH_CHECK(1 <= n && n <= m && m <= 32, kName, ": n of m numbers with 1 <= n <= m <= 32 are expected, but they are ",
              n, " of ", m);
  const at::Tensor dense = dense_of(kName, x);
  TORCH_CHECK(0 <= axis && axis < dense.dim(), kName, ": an axis of a tensor of shape ", dense.sizes(),
              " is expected, but it is ", axis);
  const at::Tensor mask = empty_mask(dense);
  throw_unless_ok(kernel_for(backends::kNOfMMask<float>)(torch_execution(), layout_of(dense, axis), data_of(dense),
                                                         static_cast<int>(n), static_cast<int>(m),
                                                         mutable_bytes_of(mask)));
  return mask;
}

at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask) {
  constexpr auto kName = ApplyMaskFunction::kName;
  const at::Tensor dense = dense_float32(kName, x);
  TORCH_CHECK(
      mask.defined() && mask.scalar_type() == at::kBool && mask.device().is_cpu() && mask.sizes() == dense.sizes(),
      kName, ": a bool mask of shape ", dense.sizes(), " on the CPU is expected, but it is ",
      mask.defined() ? mask.toString() : "undefined", " of shape ", mask.defined() ? mask.sizes() : at::IntArrayRef());
  const bool needs_gradients = at::GradMode::is_enabled() && dense.requires_grad();
  return (needs_gradients ? ApplyMaskFunction::apply(dense, mask) : masked(dense, mask)).to(x.scalar_type());
}

int64_t count_zeros(const at::Tensor& x) {
  const at::Tensor dense = dense_of("count_zeros", x);
  int64_t count = 0;
  throw_unless_ok(kernel_for(backends::kCountZeros<float>)(
      torch_execution(), backends::Layout::per_tensor(dense.numel()), data_of(dense), &count));
  return count;
}

double sparsity_level(const at::Tensor& x) {
  const int64_t zeros = count_zeros(x);
  return x.numel() == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(x.numel());
}

}  // namespace pare::ops
