// Bytes a second of each kernel, on one thread, beside a plain copy's.
//
//   bazel run -c opt //backends/cpu:kernels_benchmark

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/reference/backend.h"
#include "benchmark/benchmark.h"

namespace pare::backends {
namespace {

// The first activation of a CIFAR ResNet-20, batch 128: 8 MiB.
constexpr Layout kActivation{128, 16, 1024};
constexpr Layout kPerTensor{1, 1, 128 * 16 * 1024};
constexpr Layout kChannelsLast{128 * 1024, 16, 1};

struct Data {
  explicit Data(const Layout& layout)
      : x(layout.size()),
        y(layout.size()),
        step(layout.channels, 0.05f),
        inverse_step(layout.channels, 1.0f / 0.05f),
        lowest(layout.channels, -128.0f),
        highest(layout.channels, 127.0f),
        low(layout.channels, -3.0f),
        high(layout.channels, 3.0f),
        width(layout.channels, 6.0f / 2048.0f),
        inverse_width(layout.channels, 2048.0f / 6.0f),
        counts(layout.channels * 2050) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& number : x) number = normal(random);
    dy = x;
  }
  QuantizationGrid grid() const { return {step.data(), inverse_step.data(), lowest.data(), highest.data()}; }
  std::vector<float> x, dy, y, step, inverse_step, lowest, highest, low, high, width, inverse_width;
  std::vector<int64_t> counts;
};

void copy(benchmark::State& state) {
  Data data(kPerTensor);
  for (auto _ : state) {
    std::memcpy(data.y.data(), data.x.data(), data.x.size() * sizeof(float));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * data.x.size() * sizeof(float) * 2);
}
BENCHMARK(copy);

void forward(benchmark::State& state, const KernelTable<float>& table, const Layout& layout) {
  Data data(layout);
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.fake_quantize_forward({}, layout, data.x.data(), data.grid(), data.y.data()).ok());
  }
  state.SetBytesProcessed(state.iterations() * data.x.size() * sizeof(float) * 2);
}
BENCHMARK_CAPTURE(forward, reference_per_channel, reference_kernels<float>(), kActivation);
BENCHMARK_CAPTURE(forward, per_tensor, cpu_kernels<float>(), kPerTensor);
BENCHMARK_CAPTURE(forward, per_channel, cpu_kernels<float>(), kActivation);
BENCHMARK_CAPTURE(forward, channels_last, cpu_kernels<float>(), kChannelsLast);

void backward(benchmark::State& state, const KernelTable<float>& table, const Layout& layout) {
  Data data(layout);
  std::vector<float> inside(layout.channels), above(inside), below(inside);
  const FakeQuantizeSums sums{inside.data(), above.data(), below.data()};
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        table.fake_quantize_backward({}, layout, data.dy.data(), data.x.data(), data.grid(), data.y.data(), &sums)
            .ok());
  }
  state.SetBytesProcessed(state.iterations() * data.x.size() * sizeof(float) * 3);
}
BENCHMARK_CAPTURE(backward, reference_per_channel, reference_kernels<float>(), kActivation);
BENCHMARK_CAPTURE(backward, per_tensor, cpu_kernels<float>(), kPerTensor);
BENCHMARK_CAPTURE(backward, per_channel, cpu_kernels<float>(), kActivation);
BENCHMARK_CAPTURE(backward, channels_last, cpu_kernels<float>(), kChannelsLast);

void min_max(benchmark::State& state, const Layout& layout) {
  Data data(layout);
  std::vector<float> min(layout.channels), max(min);
  for (auto _ : state) {
    benchmark::DoNotOptimize(cpu_kernels<float>().min_max({}, layout, data.x.data(), min.data(), max.data()).ok());
  }
  state.SetBytesProcessed(state.iterations() * data.x.size() * sizeof(float));
}
BENCHMARK_CAPTURE(min_max, per_tensor, kPerTensor);
BENCHMARK_CAPTURE(min_max, per_channel, kActivation);
BENCHMARK_CAPTURE(min_max, channels_last, kChannelsLast);

void histogram(benchmark::State& state, const Layout& layout) {
  Data data(layout);
  const HistogramBins bins{data.low.data(), data.high.data(), data.width.data(), data.inverse_width.data(), 2048};
  for (auto _ : state) {
    benchmark::DoNotOptimize(cpu_kernels<float>().histogram({}, layout, data.x.data(), bins, data.counts.data()).ok());
  }
  state.SetBytesProcessed(state.iterations() * data.x.size() * sizeof(float));
}
BENCHMARK_CAPTURE(histogram, per_tensor, kPerTensor);
BENCHMARK_CAPTURE(histogram, per_channel, kActivation);

}  // namespace
}  // namespace pare::backends
