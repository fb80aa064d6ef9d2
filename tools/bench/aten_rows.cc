#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fake_quantize_learnable_per_tensor_affine.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <ATen/ops/full.h>
#include <ATen/ops/kthvalue.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "ops/fake_quantize.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using Run = absl::StatusOr<std::function<absl::Status()>>;

// Calls f(x) on a fresh x with a gradient, and its backward pass.
template <typename Quantize>
Run training_run(int64_t elements, const Quantize& quantize) {
  const at::Tensor x = at::randn({elements}).requires_grad_(), dy = at::randn({elements});
  return [=] {
    quantize(x).backward(dy);
    x.mutable_grad() = at::Tensor();
    return absl::OkStatus();
  };
}

template <typename Call>
Run inference_run(int64_t elements, const Call& call) {
  const at::Tensor x = at::randn({elements});
  return [=] {
    const at::NoGradGuard guard;
    call(x);
    return absl::OkStatus();
  };
}

}  // namespace

std::vector<Row> aten_rows(const Subject& subject, int64_t elements) {
  std::vector<Row> rows;
  if (subject.backend->memory != nullptr) return rows;
  const auto add = [&](std::string name, std::string variant, int64_t bytes, std::string compared_with,
                       const std::function<Run()>& prepare) {
    rows.push_back({.name = std::move(name),
                    .variant = std::move(variant),
                    .elements = elements,
                    .bytes = bytes,
                    .yardstick = compared_with.empty() ? Yardstick::kCopy : Yardstick::kKernel,
                    .compared_with = std::move(compared_with),
                    .prepare = prepare});
  };
  // As a user calls them: each makes its outputs.
  add("ops::fake_quantize_symmetric", "forward", 8 * elements, "", [=] {
    const at::Tensor scale = at::full({1}, 2.5);
    return inference_run(elements, [=](const at::Tensor& x) {
      ops::fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, ops::GradientRule::kExact);
    });
  });
  add("ops::fake_quantize_symmetric", "forward and backward", 20 * elements, "", [=] {
    const at::Tensor scale = at::full({1}, 2.5).requires_grad_();
    return training_run(elements, [=](const at::Tensor& x) {
      return ops::fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, ops::GradientRule::kExact);
    });
  });
  add("at::fake_quantize_per_tensor_affine", "forward", 8 * elements, "ops::fake_quantize_symmetric, forward", [=] {
    return inference_run(elements,
                         [](const at::Tensor& x) { at::fake_quantize_per_tensor_affine(x, 0.02, 0, -128, 127); });
  });
  add("at::_fake_quantize_learnable_per_tensor_affine", "forward and backward", 20 * elements,
      "ops::fake_quantize_symmetric, forward and backward", [=] {
        const at::Tensor scale = at::full({1}, 0.02).requires_grad_(), zero_point = at::zeros({1}).requires_grad_();
        return training_run(elements, [=](const at::Tensor& x) {
          return at::_fake_quantize_learnable_per_tensor_affine(x, scale, zero_point, -128, 127);
        });
      });
  // Seconds a call from here on.
  if (elements <= int64_t{16} << 20) {
    add("at::kthvalue", "", 4 * elements, "selection, k-th value",
        [=] { return inference_run(elements, [=](const at::Tensor& x) { at::kthvalue(x, elements / 2); }); });
  }
  // It takes no more.
  if (elements <= int64_t{16} * 1000 * 1000) {
    add("at::quantile", "", 4 * elements, "selection, k-th value",
        [=] { return inference_run(elements, [](const at::Tensor& x) { at::quantile(x, 0.5); }); });
  }
  return rows;
}

}  // namespace pare::tools::bench
