// Forward and backward of fake quantization with a learned range, beside a copy and beside ATen's own operators.
//
//   bazel run -c opt //ops:fake_quantize_benchmark
//
// The tensor is the first activation of a CIFAR ResNet-20 with a batch of 128: [128, 16, 32, 32], 8 MiB. The argument
// is the number of threads.

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "benchmark/benchmark.h"
#include "ops/fake_quantize.h"

namespace pare::ops {
namespace {

using torch::Tensor;

Tensor activation() { return torch::randn({128, 16, 32, 32}); }

void copy(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const Tensor x = activation(), y = torch::empty_like(x);
  for (auto _ : state) y.copy_(x);
  state.SetBytesProcessed(state.iterations() * x.numel() * 8);
}
BENCHMARK(copy)->Arg(1)->Arg(2)->UseRealTime();

// Runs quantize(x), and its backward pass.
template <typename Quantize>
void train(benchmark::State& state, const Quantize& quantize) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const Tensor x = activation().requires_grad_(), gradient = torch::randn(x.sizes());
  for (auto _ : state) {
    quantize(x).backward(gradient);
    x.mutable_grad() = Tensor();
  }
  // x in, y out; then dy and x in, dx out.
  state.SetBytesProcessed(state.iterations() * x.numel() * 4 * 5);
}

template <typename Quantize>
void infer(benchmark::State& state, const Quantize& quantize) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const torch::NoGradGuard guard;
  const Tensor x = activation();
  for (auto _ : state) benchmark::DoNotOptimize(quantize(x));
  state.SetBytesProcessed(state.iterations() * x.numel() * 8);
}

Tensor ours(const Tensor& x, int64_t axis) {
  static const Tensor one = torch::full({1}, 3.0).requires_grad_(), many = torch::full({16}, 3.0).requires_grad_();
  return fake_quantize_symmetric(x, axis < 0 ? one : many, -128, 127, axis, 1e-16, GradientRule::kExact);
}

Tensor ours_asymmetric(const Tensor& x) {
  static const Tensor low = torch::full({1}, -3.0).requires_grad_(), range = torch::full({1}, 6.0).requires_grad_();
  return fake_quantize_asymmetric(x, low, range, 256, -1, 1e-16, GradientRule::kExact);
}

Tensor learnable_per_tensor(const Tensor& x) {
  static const Tensor scale = torch::full({1}, 3.0 / 127).requires_grad_(), zero = torch::zeros({1}).requires_grad_();
  return at::_fake_quantize_learnable_per_tensor_affine(x, scale, zero, -128, 127);
}

Tensor learnable_per_channel(const Tensor& x) {
  static const Tensor scale = torch::full({16}, 3.0 / 127).requires_grad_(), zero = torch::zeros({16}).requires_grad_();
  return at::_fake_quantize_learnable_per_channel_affine(x, scale, zero, 1, -128, 127);
}

Tensor fixed_per_tensor(const Tensor& x) { return at::fake_quantize_per_tensor_affine(x, 3.0 / 127, 0, -128, 127); }

#define PARE_BENCHMARK_BOTH(name, ...)                                                                        \
  BENCHMARK_CAPTURE(infer, name, [](const Tensor& x) { return __VA_ARGS__; })->Arg(1)->Arg(2)->UseRealTime(); \
  BENCHMARK_CAPTURE(train, name, [](const Tensor& x) { return __VA_ARGS__; })->Arg(1)->Arg(2)->UseRealTime()

PARE_BENCHMARK_BOTH(pare_per_tensor, ours(x, -1));
PARE_BENCHMARK_BOTH(pare_per_channel, ours(x, 1));
PARE_BENCHMARK_BOTH(pare_asymmetric, ours_asymmetric(x));
PARE_BENCHMARK_BOTH(aten_learnable_per_tensor, learnable_per_tensor(x));
PARE_BENCHMARK_BOTH(aten_learnable_per_channel, learnable_per_channel(x));
PARE_BENCHMARK_BOTH(aten_fixed_per_tensor, fixed_per_tensor(x));

}  // namespace
}  // namespace pare::ops
