// A training step of CIFAR ResNet-20 without the optimizer: the module itself, the graph, and the graph in INT8 and
// under sparsity, with the methods' losses and schedules.
//
//   bazel run //tests/cost:resnet20_benchmark
//
// The argument is the batch size. The steps that a row compares run in turn, so that a machine whose speed drifts
// treats all alike; its counters are medians of their times and of the ratios. `fp32_and_int8` runs them with the
// caching allocator and as plain LibTorch does; its peaks are bytes of tensors above what was there before a step,
// gradients included.

#include <ATen/Parallel.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/caching_cpu_allocator.h"
#include "base/median.h"
#include "benchmark/benchmark.h"
#include "tests/cost/memory_meter.h"
#include "tests/cost/resnet20_network.h"

namespace pare {
namespace {

double seconds(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

enum class Memory { kCaching, kPlain };

void use(Memory memory) {
  constexpr uint8_t kHighestPriority = 255;
  if (memory == Memory::kPlain) return c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), kHighestPriority);
  if (!install_caching_cpu_allocator({.priority = kHighestPriority}).ok()) std::exit(1);
}

// In MiB, above what was there before.
double peak_of(Memory memory, const std::function<void()>& step) {
  use(memory);
  double bytes = 0;
  if (memory == Memory::kCaching) {
    reset_caching_cpu_allocator_peaks();
    const size_t before = caching_cpu_allocator_statistics().bytes_in_use;
    step();
    bytes = static_cast<double>(caching_cpu_allocator_statistics().peak_bytes_in_use - before);
  } else {
    const auto meter = std::make_shared<MemoryMeter>();
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
    step();
    bytes = static_cast<double>(meter->peak_bytes());
  }
  return bytes / (1 << 20);
}

struct Step {
  std::string name;
  Memory memory;
  std::function<void()> run;
};

// Runs the steps in turn and reports their medians, and for each pair, (0, 1), (2, 3) and so on, the median of the
// second's ratio to the first.
void compare(benchmark::State& state, const std::vector<Step>& steps) {
  const auto run = [](const Step& step) {
    use(step.memory);
    return seconds(step.run);
  };
  // The first steps make what stays, and fill the caches.
  for (int i = 0; i < 3; ++i) {
    for (const Step& step : steps) run(step);
  }
  std::vector<std::vector<double>> times(steps.size());
  for (auto _ : state) {
    for (size_t i = 0; i < steps.size(); ++i) times[i].push_back(run(steps[i]));
  }
  for (size_t i = 0; i < steps.size(); ++i) state.counters[steps[i].name + "_ms"] = median(times[i]) * 1e3;
  for (size_t i = 0; i + 1 < steps.size(); i += 2) {
    std::vector<double> ratios;
    for (size_t k = 0; k < times[i].size(); ++k) ratios.push_back(times[i + 1][k] / times[i][k]);
    state.counters[steps[i + 1].name + "_time_ratio"] = median(ratios);
    const double first = peak_of(steps[i].memory, steps[i].run),
                 second = peak_of(steps[i + 1].memory, steps[i + 1].run);
    state.counters[steps[i].name + "_peak_mib"] = first;
    state.counters[steps[i + 1].name + "_peak_mib"] = second;
    state.counters[steps[i + 1].name + "_peak_ratio"] = second / first;
  }
}

void module_and_graph(benchmark::State& state) {
  use(Memory::kCaching);
  at::set_num_threads(2);
  Network network(at::kCPU);
  const at::Tensor images = random_images(state.range(0), at::kCPU), targets = random_targets(state.range(0), at::kCPU);
  compare(state, {{"module", Memory::kCaching, [&] { network.step_module(images, targets); }},
                  {"graph", Memory::kCaching, [&] { network.step_graph(images, targets); }}});
}
BENCHMARK(module_and_graph)->Arg(8)->Arg(128)->Iterations(40)->UseRealTime()->Unit(benchmark::kMillisecond);

void fp32_and_int8(benchmark::State& state) {
  use(Memory::kCaching);
  at::set_num_threads(2);
  Network network(at::kCPU), quantized(at::kCPU);
  quantized.quantize();
  const at::Tensor images = random_images(state.range(0), at::kCPU), targets = random_targets(state.range(0), at::kCPU);
  const auto fp32 = [&] { network.step_module(images, targets); };
  const auto int8 = [&] { quantized.step_graph(images, targets); };
  compare(state, {{"fp32", Memory::kCaching, fp32},
                  {"int8", Memory::kCaching, int8},
                  {"plain_fp32", Memory::kPlain, fp32},
                  {"plain_int8", Memory::kPlain, int8}});
}
BENCHMARK(fp32_and_int8)->Arg(128)->Iterations(40)->UseRealTime()->Unit(benchmark::kMillisecond);

void fp32_and_sparse(benchmark::State& state) {
  use(Memory::kCaching);
  at::set_num_threads(2);
  Network network(at::kCPU), magnitude(at::kCPU), rb(at::kCPU);
  magnitude.sparsify("magnitude_sparsity");
  rb.sparsify("rb_sparsity");
  const at::Tensor images = random_images(state.range(0), at::kCPU), targets = random_targets(state.range(0), at::kCPU);
  const auto step_of = [&](Network& one) { return [&] { one.step_graph(images, targets); }; };
  compare(state, {{"fp32", Memory::kCaching, step_of(network)},
                  {"magnitude", Memory::kCaching, step_of(magnitude)},
                  {"fp32_again", Memory::kCaching, step_of(network)},
                  {"rb", Memory::kCaching, step_of(rb)}});
}
BENCHMARK(fp32_and_sparse)->Arg(128)->Iterations(40)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pare
