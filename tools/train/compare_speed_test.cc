#include "tools/train/compare_speed.h"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <vector>

#include "graph/import.h"
#include "models/model_registry.h"

namespace pare::tools {
namespace {

std::shared_ptr<graph::Model> make(const char* name) {
  const auto built = models::make_model(name, {});
  EXPECT_TRUE(built.ok()) << built.status();
  auto model = graph::import_module(*built->module,
                                    [&](const std::vector<at::Tensor>& inputs) { return built->forward(inputs[0]); },
                                    {at::zeros(built->input_shape)});
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

TEST(CompareSpeed, TimesBothAndLeavesTheModelsAsTheyWere) {
  const auto large = make("resnet20"), small = make("small_resnet");
  large->train();
  small->eval();
  const int threads = at::get_num_threads();
  const auto speed =
      compare_speed(*large, *small, {1, 3, 32, 32}, {.original = "none.onnx", .compressed = "none.onnx"});
  // Without ONNX Runtime its part is left out; with it, the file is missed.
  if (!speed.ok()) {
    EXPECT_EQ(speed.status().code(), absl::StatusCode::kNotFound) << speed.status();
    EXPECT_THAT(std::string(speed.status().message()), ::testing::HasSubstr("none.onnx"));
  } else {
    EXPECT_GT(speed->at("pare").at("speedup"), 0);
    EXPECT_GT(speed->at("pare").at("original_ms"), 0);
    EXPECT_GT(speed->at("pare").at("compressed_ms"), 0);
    EXPECT_FALSE(speed->contains("onnxruntime"));
  }
  EXPECT_TRUE(large->is_training());
  EXPECT_FALSE(small->is_training());
  EXPECT_EQ(at::get_num_threads(), threads);
}

TEST(CompareSpeed, WhatDoesNotRunIsAnError) {
  const auto model = make("small_resnet");
  EXPECT_EQ(compare_speed(*model, *model, {}, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(compare_speed(*model, *model, {1, 5, 32, 32}, {}).ok());
}

}  // namespace
}  // namespace pare::tools
