#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fake_quantize_learnable_per_tensor_affine.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <ATen/ops/full.h>
#include <ATen/ops/kthvalue.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/zeros.h>

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

at::Tensor random_tensor(int64_t elements) {
  const at::Tensor x = at::empty({elements});
  const std::vector<float>& numbers = random_floats();
  const auto period = static_cast<int64_t>(numbers.size());
  for (int64_t i = 0; i < elements; i += period) {
    std::copy_n(numbers.begin(), std::min(period, elements - i), x.data_ptr<float>() + i);
  }
  return x;
}

// Calls f(x) on one x that wants a gradient, the backward pass with one dy, and drops the gradient.
template <typename Quantize>
Run training_run(int64_t elements, const Quantize& quantize) {
  const at::Tensor x = random_tensor(elements).requires_grad_(), dy = random_tensor(elements);
  return [=] {
    quantize(x).backward(dy);
    x.mutable_grad() = at::Tensor();
    return absl::OkStatus();
  };
}

template <typename Call>
Run inference_run(int64_t elements, const Call& call) {
  const at::Tensor x = random_tensor(elements);
  return [=] {
    const at::NoGradGuard guard;
    call(x);
    return absl::OkStatus();
  };
}

}  // namespace

// Each makes its outputs, as a user calls it.
std::vector<Row> aten_rows(const Subject& subject, int64_t size) {
  std::vector<Row> rows;
  if (!subject.is_on_host()) return rows;
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
    const at::Tensor scale = at::full({1}, 2.5);
    return inference_run(elements, [=](const at::Tensor& x) {
      ops::fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, ops::GradientRule::kExact);
    });
  });
  add_other("at::fake_quantize_per_tensor_affine", Row(rows.back()), [=] {
    return inference_run(elements,
                         [](const at::Tensor& x) { at::fake_quantize_per_tensor_affine(x, 0.02, 0, -128, 127); });
  });
  // x, y; dy, x, dx.
  add("ops::fake_quantize_symmetric", "forward and backward", 5 * size, Yardstick::kCopy, [=] {
    const at::Tensor scale = at::full({1}, 2.5).requires_grad_();
    return training_run(elements, [=](const at::Tensor& x) {
      return ops::fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, ops::GradientRule::kExact);
    });
  });
  add_other("at::_fake_quantize_learnable_per_tensor_affine", Row(rows.back()), [=] {
    const at::Tensor scale = at::full({1}, 0.02).requires_grad_(), zero_point = at::zeros({1}).requires_grad_();
    return training_run(elements, [=](const at::Tensor& x) {
      return at::_fake_quantize_learnable_per_tensor_affine(x, scale, zero_point, -128, 127);
    });
  });
  add("ops::order_statistics", "k-th value", size, Yardstick::kRead, [=] {
    return inference_run(elements, [=](const at::Tensor& x) { ops::order_statistics(x, -1, {elements / 2}); });
  });
  // LibTorch counts from one.
  add_other("at::kthvalue", Row(rows.back()),
            [=] { return inference_run(elements, [=](const at::Tensor& x) { at::kthvalue(x, elements / 2 + 1); }); });
  if (size > kLargestKthvalue) {
    rows.back().left_out = "a call takes seconds";
    rows.back().prepare = nullptr;
  }
  add("ops::percentile", "median", size, Yardstick::kRead,
      [=] { return inference_run(elements, [](const at::Tensor& x) { ops::percentile(x, -1, 50); }); });
  add_other("at::quantile", Row(rows.back()),
            [=] { return inference_run(elements, [](const at::Tensor& x) { at::quantile(x, 0.5); }); });
  if (elements > kMostOfQuantile) {
    rows.back().left_out = "LibTorch takes at most 16 million numbers";
    rows.back().prepare = nullptr;
  }
  return rows;
}

}  // namespace pare::tools::bench
