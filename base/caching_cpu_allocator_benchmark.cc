// What a fresh tensor costs: a copy into new memory, from LibTorch's own allocator and from ours, beside a copy into
// memory that is there; and an allocation alone.
//
//   bazel run //base:caching_cpu_allocator_benchmark
//
// The argument is the tensor's size in bytes.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/CPUAllocator.h>

#include <cstdint>
#include <cstdlib>

#include "base/caching_cpu_allocator.h"
#include "benchmark/benchmark.h"

namespace pare {
namespace {

constexpr uint8_t kHighestPriority = 255;

void use_allocator(bool caching) {
  at::set_num_threads(2);
  if (caching) {
    if (!install_caching_cpu_allocator({.priority = kHighestPriority}).ok()) std::abort();
  } else {
    c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), kHighestPriority);
  }
}

at::Tensor source(benchmark::State& state) { return at::ones({state.range(0) / 4}); }

void clone(benchmark::State& state, bool caching) {
  use_allocator(caching);
  const at::Tensor from = source(state);
  for (auto _ : state) benchmark::DoNotOptimize(from.clone().data_ptr());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void clone_plain(benchmark::State& state) { clone(state, false); }
void clone_caching(benchmark::State& state) { clone(state, true); }

void copy_into_existing(benchmark::State& state) {
  use_allocator(true);
  const at::Tensor from = source(state), to = at::empty_like(from);
  for (auto _ : state) benchmark::DoNotOptimize(to.copy_(from).data_ptr());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void allocate(benchmark::State& state, bool caching) {
  use_allocator(caching);
  c10::Allocator* const allocator = c10::GetCPUAllocator();
  for (auto _ : state) benchmark::DoNotOptimize(allocator->allocate(state.range(0)).get());
}

void allocate_plain(benchmark::State& state) { allocate(state, false); }
void allocate_caching(benchmark::State& state) { allocate(state, true); }

constexpr int64_t kClonedBytes = 51'200'000;

BENCHMARK(clone_plain)->Arg(kClonedBytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(clone_caching)->Arg(kClonedBytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(copy_into_existing)->Arg(kClonedBytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(allocate_plain)->Arg(1 << 10)->Arg(1 << 16)->Arg(8 << 20)->Threads(1)->Threads(2);
BENCHMARK(allocate_caching)->Arg(1 << 10)->Arg(1 << 16)->Arg(8 << 20)->Threads(1)->Threads(2);

}  // namespace
}  // namespace pare
