#include "models/mobilenet_v2.h"

#include <limits>

#include "models/model_test_util.h"

namespace pare::models {
namespace {

using ::testing::HasSubstr;

TEST(MobileNetV2Test, WorksOnSmallImages) {
  expect_works(make_mobilenet_v2({.width_multiplier = 0.25, .small_images = true, .dropout = 0}, {6, 3, 32}), 6);
}

TEST(MobileNetV2Test, TheFullOneHasThePublishedSizeAndNames) {
  const auto model = make_mobilenet_v2({}, {.num_classes = 1000, .image_size = 224});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(parameter_count(*model), 3504872);
  const std::set<std::string> names = parameter_names(*model);
  EXPECT_EQ(names.size(), 158);
  for (const char* name :
       {"features.0.0.weight", "features.1.conv.0.0.weight", "features.1.conv.1.weight", "features.2.conv.1.0.weight",
        "features.17.conv.3.bias", "features.18.1.weight", "classifier.1.weight"}) {
    EXPECT_EQ(names.count(name), 1) << name;
  }
}

TEST(MobileNetV2Test, DropoutActsInTrainingOnly) {
  const auto model = make_mobilenet_v2({.width_multiplier = 0.1, .small_images = true, .dropout = 0.5}, {});
  ASSERT_TRUE(model.ok()) << model.status();
  const at::Tensor images = test_images(*model, 2);
  EXPECT_FALSE(at::equal(model->forward(images), model->forward(images)));
  model->module->eval();
  EXPECT_TRUE(at::equal(model->forward(images), model->forward(images)));
}

TEST(MobileNetV2Test, RefusesOptionsOutOfRange) {
  EXPECT_THAT(make_mobilenet_v2({.width_multiplier = 0}, {}).status().message(), HasSubstr("width_multiplier is 0"));
  EXPECT_THAT(make_mobilenet_v2({.width_multiplier = std::numeric_limits<double>::quiet_NaN()}, {}).status().message(),
              HasSubstr("width_multiplier is nan"));
  EXPECT_THAT(make_mobilenet_v2({.dropout = 1}, {}).status().message(), HasSubstr("dropout is 1"));
}

}  // namespace
}  // namespace pare::models
