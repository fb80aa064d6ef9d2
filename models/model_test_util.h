// models/model_test_util.h: what every model is held to.

#ifndef PARE_MODELS_MODEL_TEST_UTIL_H_
#define PARE_MODELS_MODEL_TEST_UTIL_H_

#include <ATen/Functions.h>
#include <torch/nn/module.h>

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "models/model.h"

namespace pare::models {

inline int64_t parameter_count(const BuiltModel& model) {
  int64_t count = 0;
  for (const at::Tensor& parameter : model.module->parameters()) count += parameter.numel();
  return count;
}

inline std::set<std::string> parameter_names(const BuiltModel& model) {
  std::set<std::string> names;
  for (const auto& item : model.module->named_parameters()) names.insert(item.key());
  return names;
}

inline at::Tensor test_images(const BuiltModel& model, int64_t count) {
  std::vector<int64_t> shape = model.input_shape;
  shape[0] = count;
  return at::arange(count * shape[1] * shape[2] * shape[3], at::kFloat).mul(0.37).sin().reshape(shape);
}

// Scores of the right shape for any batch, each image's independent of the others, and a gradient for every parameter.
inline void expect_works(const absl::StatusOr<BuiltModel>& built, int64_t num_classes) {
  ASSERT_TRUE(built.ok()) << built.status();
  const BuiltModel& model = *built;
  const at::Tensor images = test_images(model, 3);
  model.module->train();
  const at::Tensor scores = model.forward(images);
  ASSERT_EQ(scores.sizes(), (at::IntArrayRef{3, num_classes}));
  scores.square().sum().backward();
  for (const auto& item : model.module->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
  }
  model.module->eval();
  const at::Tensor together = model.forward(images), alone = model.forward(images.slice(0, 1, 2));
  EXPECT_TRUE(at::allclose(together.slice(0, 1, 2), alone, 1e-4, 1e-5));
  EXPECT_FALSE(at::allclose(together[0], together[1], 1e-4, 1e-7)) << "two images have the same scores";
}

}  // namespace pare::models

#endif  // PARE_MODELS_MODEL_TEST_UTIL_H_
