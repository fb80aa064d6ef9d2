// Bytes a second of each kernel on tensors of the device, beside the copy shader's; what a small kernel costs in a
// batch; and a kernel on host memory, with the way there and back.
//
//   bazel run -c opt //backends/vulkan:kernels_benchmark
//
// On the device that PARE_BENCHMARK_DEVICE names (an index, or a part of its name), else on the best.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "backends/vulkan/backend.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/copy_shaders.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/elementwise.h"
#include "benchmark/benchmark.h"

namespace pare::backends::vulkan {
namespace {

constexpr int64_t kChannels = 16;

Device* device() {
  const char* name = std::getenv("PARE_BENCHMARK_DEVICE");
  static const auto device = select_device(name != nullptr ? name : "");
  return device.ok() ? *device : nullptr;
}

// A tensor and its quantizer on the device, or a skipped benchmark.
struct Data {
  Data(benchmark::State& state, int64_t size) {
    if (device() == nullptr) {
      state.SkipWithError(std::string(selected_device().status().message()).c_str());
      return;
    }
    state.SetLabel(device()->properties().name);
    host.resize(size);
    for (int64_t i = 0; i < size; ++i) host[i] = 0.01f * (i % 1000 - 500);
    x = to_device(host);
    y = to_device(host);
    grid = {to_device(std::vector<float>(kChannels, 0.05f)), to_device(std::vector<float>(kChannels, 20.0f)),
            to_device(std::vector<float>(kChannels, -128.0f)), to_device(std::vector<float>(kChannels, 127.0f))};
    ok = device()->synchronize().ok() && y != nullptr;
    if (!ok) state.SkipWithError("no memory on the device");
  }
  ~Data() {
    for (float* pointer : allocated) device()->free(pointer).IgnoreError();
  }
  float* to_device(const std::vector<float>& values) {
    const auto pointer = device()->allocate(values.size() * sizeof(float));
    if (!pointer.ok()) return nullptr;
    allocated.push_back(static_cast<float*>(*pointer));
    device()->copy_to_device(*pointer, values.data(), values.size() * sizeof(float)).IgnoreError();
    return allocated.back();
  }
  std::vector<float> host;
  float *x = nullptr, *y = nullptr;
  QuantizationGrid grid{};
  std::vector<float*> allocated;
  bool ok = false;
};

Layout layout_of(int64_t size, int64_t channels, int64_t inner) { return {size / channels / inner, channels, inner}; }

void copy(benchmark::State& state) {
  const int64_t size = state.range(0) / sizeof(float);
  Data data(state, size);
  for (auto _ : state) {
    Call call({data.x, data.y});
    const Buffer in = call.input(data.x, size), out = call.output(data.y, size);
    for_each_piece(call, Layout::per_tensor(size), sizeof(float), [&](const Piece& piece) {
      call.dispatch(shaders::copy, {piece.of(in, data.x), piece.of(out, data.y)}, piece.constants, {},
                    piece.invocations);
    });
    if (!call.finish().ok() || !device()->synchronize().ok()) state.SkipWithError("the copy failed");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * 2);
}
BENCHMARK(copy)->Arg(1 << 20)->Arg(8 << 20)->Arg(64 << 20)->MeasureProcessCPUTime()->UseRealTime();

void fake_quantize_forward(benchmark::State& state, int64_t channels, int64_t inner) {
  const int64_t size = state.range(0) / sizeof(float);
  Data data(state, size);
  for (auto _ : state) {
    const absl::Status status =
        vulkan_kernels<float>().fake_quantize_forward({}, layout_of(size, channels, inner), data.x, data.grid, data.y);
    if (!status.ok() || !device()->synchronize().ok()) state.SkipWithError("the kernel failed");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * 2);
}
BENCHMARK_CAPTURE(fake_quantize_forward, per_tensor, 1, 1)
    ->Arg(1 << 20)
    ->Arg(8 << 20)
    ->Arg(64 << 20)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(fake_quantize_forward, per_channel, kChannels, 1024)
    ->Arg(1 << 20)
    ->Arg(8 << 20)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(fake_quantize_forward, channels_last, kChannels, 1)
    ->Arg(1 << 20)
    ->Arg(8 << 20)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// One small kernel after the other, each on the result of the one before: one iteration is one kernel.
void small_kernels_in_a_batch(benchmark::State& state) {
  const int64_t size = 1024;
  Data data(state, size);
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) {
      vulkan_kernels<float>()
          .fake_quantize_forward({}, Layout::per_tensor(size), data.x, data.grid, data.x)
          .IgnoreError();
    }
    if (!device()->synchronize().ok()) state.SkipWithError("the kernel failed");
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(small_kernels_in_a_batch)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMicrosecond);

void host_memory(benchmark::State& state) {
  const int64_t size = state.range(0) / sizeof(float);
  Data data(state, size);
  const float step = 0.05f, inverse_step = 20.0f, lowest = -128.0f, highest = 127.0f;
  const QuantizationGrid grid{&step, &inverse_step, &lowest, &highest};
  for (auto _ : state) {
    const absl::Status status = vulkan_kernels<float>().fake_quantize_forward({}, Layout::per_tensor(size),
                                                                              data.host.data(), grid, data.host.data());
    if (!status.ok()) state.SkipWithError("the kernel failed");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * 2);
}
BENCHMARK(host_memory)->Arg(4 << 10)->Arg(8 << 20)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace pare::backends::vulkan
