// A training step of CIFAR ResNet-20 on a device, FP32 as LibTorch has it against INT8 in Pare: forward and backward,
// without the optimizer.
//
//   bazel run //tests/cost:device_step_benchmark -- --device=cuda --batch_size=1024
//
// The two steps run in turn, and each is waited for. Prints the medians of their times and of their ratios, as JSON.

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "base/median.h"
#include "nlohmann/json.hpp"
#include "tests/cost/resnet20_network.h"
#include "tools/common/device.h"

ABSL_FLAG(std::string, device, "cpu", "cpu, cuda or cuda:N");
ABSL_FLAG(int, batch_size, 1024, "images in a step");
ABSL_FLAG(int, steps, 50, "measured steps of each kind, after five that are not");

namespace pare {
namespace {

// Until the device has done it.
double milliseconds(c10::Device device, const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  tools::synchronize(device).IgnoreError();  // What went wrong the next step finds.
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

int run() {
  const absl::StatusOr<c10::Device> device = tools::open_device(absl::GetFlag(FLAGS_device));
  const int64_t batch = absl::GetFlag(FLAGS_batch_size), steps = absl::GetFlag(FLAGS_steps);
  if (!device.ok() || batch < 1 || steps < 1) {
    std::cerr << (device.ok() ? "--batch_size and --steps are at least 1" : std::string(device.status().message()))
              << "\n";
    return 1;
  }
  Network network(*device), quantized(*device);
  quantized.quantize();
  const at::Tensor images = random_images(batch, *device), targets = random_targets(batch, *device);
  const auto fp32_step = [&] { network.step_module(images, targets); };
  const auto int8_step = [&] { quantized.step_graph(images, targets); };
  for (int i = 0; i < 5; ++i) {
    fp32_step();
    int8_step();
  }
  milliseconds(*device, [] {});
  std::vector<double> fp32, int8, ratios;
  for (int64_t i = 0; i < steps; ++i) {
    fp32.push_back(milliseconds(*device, fp32_step));
    int8.push_back(milliseconds(*device, int8_step));
    ratios.push_back(int8.back() / fp32.back());
  }
  std::cout << nlohmann::ordered_json{{"device", device->str()}, {"batch_size", batch},
                                      {"steps", steps},          {"fp32_ms", median(fp32)},
                                      {"int8_ms", median(int8)}, {"int8_to_fp32", median(ratios)}}
                   .dump(2)
            << "\n";
  return 0;
}

}  // namespace
}  // namespace pare

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return pare::run();
}
