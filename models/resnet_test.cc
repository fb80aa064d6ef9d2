#include "models/resnet.h"

#include "models/model_test_util.h"

namespace pare::models {
namespace {

using ::testing::HasSubstr;

TEST(ResNetTest, TheSmallOneWorks) { expect_works(make_resnet(kSmallResNet, {5, 1, 16}), 5); }

TEST(ResNetTest, ResNet20HasThePublishedSizeAndNames) {
  const auto model = make_resnet(kResNet20, {});
  expect_works(model, 10);
  EXPECT_EQ(parameter_count(*model), 269722);
  const std::set<std::string> names = parameter_names(*model);
  EXPECT_EQ(names.size(), 59);
  for (const char* name : {"conv1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer3.2.bn2.weight", "linear.bias"}) {
    EXPECT_EQ(names.count(name), 1) << name;
  }
  EXPECT_EQ(model->module->buffers().size(), 57);
}

TEST(ResNetTest, ResNet56HasThePublishedSize) {
  const auto model = make_resnet(kResNet56, {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(parameter_count(*model), 853018);
}

TEST(ResNetTest, ParameterFreeShortcutsWorkForAnOddWidthAndAnOddImage) {
  expect_works(make_resnet({1, 3, Shortcut::kParameterFree}, {4, 3, 15}), 4);
}

TEST(ResNetTest, ProjectionsAreNamedAsInTheStateDict) {
  const std::set<std::string> names = parameter_names(*make_resnet(kSmallResNet, {}));
  EXPECT_EQ(names.count("layer2.0.shortcut.0.weight"), 1);
  EXPECT_EQ(names.count("layer2.0.shortcut.1.bias"), 1);
  EXPECT_EQ(names.count("layer1.0.shortcut.0.weight"), 0);
}

TEST(ResNetTest, RefusesOptionsOutOfRange) {
  EXPECT_THAT(make_resnet({0}, {}).status().message(), HasSubstr("blocks is 0"));
  EXPECT_THAT(make_resnet({1, 0}, {}).status().message(), HasSubstr("width is 0"));
}

}  // namespace
}  // namespace pare::models
