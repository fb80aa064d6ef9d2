#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fake_quantize_learnable_per_tensor_affine.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <ATen/ops/full.h>
#include <ATen/ops/kthvalue.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/round.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <optional>

#include "ops/fake_quantize.h"
#include "ops/order_statistics.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using Run = absl::StatusOr<std::function<absl::Status()>>;

// at::kthvalue's time is some 30 times a copy's.
constexpr int64_t kLargestKthvalue = int64_t{64} << 20;
// at::quantile refuses more.
constexpr int64_t kMostOfQuantile = 16'000'000;

// Where LibTorch's tensors of the subject are; nothing if it has none there.
std::optional<c10::Device> device_of(const Subject& subject) {
  if (subject.is_on_host()) return c10::Device(c10::kCPU);
  const bool is_cuda = subject.backend->device_kind == backends::DeviceKind::kCuda;
  if (!is_cuda || !c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) return std::nullopt;
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(subject.device_index));
}

at::Tensor random_tensor(int64_t elements, c10::Device device) {
  const at::Tensor x = at::empty({elements});
  const std::vector<float>& numbers = random_floats();
  const auto period = static_cast<int64_t>(numbers.size());
  for (int64_t i = 0; i < elements; i += period) {
    std::copy_n(numbers.begin(), std::min(period, elements - i), x.data_ptr<float>() + i);
  }
  return x.to(device);
}

// Calls f(x) on one x that wants a gradient, the backward pass with one dy, and drops the gradient.
template <typename Quantize>
Run training_run(int64_t elements, c10::Device device, const Quantize& quantize) {
  const at::Tensor x = random_tensor(elements, device).requires_grad_(), dy = random_tensor(elements, device);
  return [=] {
    quantize(x).backward(dy);
    x.mutable_grad() = at::Tensor();
    return absl::OkStatus();
  };
}

template <typename Call>
Run inference_run(int64_t elements, c10::Device device, const Call& call) {
  const at::Tensor x = random_tensor(elements, device);
  return [=] {
    const at::NoGradGuard guard;
    call(x);
    return absl::OkStatus();
  };
}

// Symmetric fake quantization to 256 levels and its gradients, an operator of LibTorch for each step of the formulas,
// as libraries do it that have no kernel of their own.
void quantize_by_operators(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& dy) {
  const double ratio = -128.0 / 127;
  const at::Tensor low = scale * ratio, step = scale / 127;
  const at::Tensor y = at::round(at::minimum(at::maximum(x, low), scale) / step) * step;
  const at::Tensor above = x.gt(scale).to(x.scalar_type()), below = x.lt(low).to(x.scalar_type());
  const at::Tensor inside = 1 - above - below;
  const at::Tensor dx = dy * inside;
  const at::Tensor d_scale = (dy * ((y - x) / (scale - low) * inside + above + ratio * below)).sum();
}

}  // namespace

// Each makes its outputs, as a user calls it.
std::vector<Row> aten_rows(const Subject& subject, int64_t size) {
  std::vector<Row> rows;
  const std::optional<c10::Device> found = device_of(subject);
  if (!found.has_value()) return rows;
  const c10::Device device = *found;
  const int64_t elements = size / 4;
  const auto add = [&](std::string name, std::string variant, int64_t bytes, Yardstick yardstick,
                       const std::function<Run()>& prepare) {
    rows.push_back({.name = std::move(name),
                    .variant = std::move(variant),
                    .size = size,
                    .bytes = bytes,
                    .yardstick = yardstick,
                    .prepare = prepare});
  };
  const auto add_other = [&](std::string name, const Row& operation, const std::function<Run()>& prepare) {
    const std::string compared_with = label_of(operation);
    add(std::move(name), operation.variant, operation.bytes, Yardstick::kOperation, prepare);
    rows.back().compared_with = compared_with;
  };
  add("ops::fake_quantize_symmetric", "forward", 2 * size, Yardstick::kCopy, [=] {
    const at::Tensor scale = at::full({1}, 2.5, device);
    return inference_run(elements, device, [=](const at::Tensor& x) {
      ops::fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, ops::GradientRule::kExact);
    });
  });
  add_other("at::fake_quantize_per_tensor_affine", Row(rows.back()), [=] {
    return inference_run(elements, device,
                         [](const at::Tensor& x) { at::fake_quantize_per_tensor_affine(x, 0.02, 0, -128, 127); });
  });
  // x, y; dy, x, dx.
  add("ops::fake_quantize_symmetric", "forward and backward", 5 * size, Yardstick::kCopy, [=] {
    const at::Tensor scale = at::full({1}, 2.5, device).requires_grad_();
    return training_run(elements, device, [=](const at::Tensor& x) {
      return ops::fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, ops::GradientRule::kExact);
    });
  });
  add_other("at::_fake_quantize_learnable_per_tensor_affine", Row(rows.back()), [=] {
    const at::Tensor scale = at::full({1}, 0.02, device).requires_grad_(),
                     zero_point = at::zeros({1}, device).requires_grad_();
    return training_run(elements, device, [=](const at::Tensor& x) {
      return at::_fake_quantize_learnable_per_tensor_affine(x, scale, zero_point, -128, 127);
    });
  });
  add_other("at:: operators, composed", Row(rows[2]), [=]() -> Run {
    const at::Tensor x = random_tensor(elements, device), dy = random_tensor(elements, device);
    const at::Tensor scale = at::full({1}, 2.5, device);
    return [=] {
      const at::NoGradGuard guard;
      quantize_by_operators(x, scale, dy);
      return absl::OkStatus();
    };
  });
  add("ops::order_statistics", "k-th value", size, Yardstick::kRead, [=] {
    return inference_run(elements, device, [=](const at::Tensor& x) { ops::order_statistics(x, -1, {elements / 2}); });
  });
  // LibTorch counts from one.
  add_other("at::kthvalue", Row(rows.back()), [=] {
    return inference_run(elements, device, [=](const at::Tensor& x) { at::kthvalue(x, elements / 2 + 1); });
  });
  if (device.is_cpu() && size > kLargestKthvalue) {
    rows.back().left_out = "a call takes seconds";
    rows.back().prepare = nullptr;
  }
  add("ops::percentile", "median", size, Yardstick::kRead,
      [=] { return inference_run(elements, device, [](const at::Tensor& x) { ops::percentile(x, -1, 50); }); });
  add_other("at::quantile", Row(rows.back()),
            [=] { return inference_run(elements, device, [](const at::Tensor& x) { at::quantile(x, 0.5); }); });
  if (elements > kMostOfQuantile) {
    rows.back().left_out = "LibTorch takes at most 16 million numbers";
    rows.back().prepare = nullptr;
  }
  return rows;
}

}  // namespace pare::tools::bench
