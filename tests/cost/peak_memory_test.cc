// A forward in evaluation mode needs no more memory through the graph than through the torch::nn::Module itself.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "graph/import.h"
#include "models/model_registry.h"
#include "tests/cost/memory_meter.h"

namespace pare {
namespace {

// Bytes above what was there before.
int64_t peak_of(const std::function<void()>& run) {
  const auto meter = std::make_shared<MemoryMeter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
  run();
  return meter->peak_bytes();
}

TEST(PeakMemoryTest, TheMeterSeesWhatIsAliveAtOnce) {
  const int64_t one = peak_of([] { at::zeros({1000}); });
  EXPECT_EQ(one, 4000);
  EXPECT_EQ(peak_of([] {
              at::zeros({1000});
              at::zeros({1000});
            }),
            4000);
  EXPECT_EQ(peak_of([] {
              const at::Tensor first = at::zeros({1000});
              at::zeros({1000});
            }),
            8000);
}

class PeakMemoryOfModelTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PeakMemoryOfModelTest, IsNoMoreThanTheModules) {
  const auto built = models::make_model(GetParam(), {});
  ASSERT_TRUE(built.ok()) << built.status();
  built->module->eval();
  const auto model = graph::import_module(
      *built->module, [&](const std::vector<at::Tensor>& inputs) { return built->forward(inputs[0]); },
      {at::zeros(built->input_shape)});
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<int64_t> shape = built->input_shape;
  shape[0] = 16;
  const at::Tensor images = at::rand(shape);
  const at::NoGradGuard no_grad;
  const auto direct = [&] { built->forward(images); };
  const auto graph = [&] { ASSERT_TRUE((*model)->forward_tensor({images}).ok()); };
  // The first runs set up what stays: the program, LibTorch's caches.
  direct();
  graph();
  const int64_t of_module = peak_of(direct), of_graph = peak_of(graph);
  EXPECT_GT(of_graph, 0);
  EXPECT_LE(of_graph, of_module);
}

INSTANTIATE_TEST_SUITE_P(, PeakMemoryOfModelTest,
                         ::testing::Values("mlp", "resnet20", "mobilenet_v2", "vision_transformer"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace pare
