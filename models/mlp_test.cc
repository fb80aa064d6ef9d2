#include "models/mlp.h"

#include "models/model_test_util.h"

namespace pare::models {
namespace {

using ::testing::HasSubstr;

TEST(MlpTest, Works) { expect_works(make_mlp({.hidden = 12, .layers = 2}, {7, 1, 6}), 7); }

TEST(MlpTest, WithoutHiddenLayersItIsLinear) {
  const auto model = make_mlp({.layers = 0}, {10, 1, 4});
  expect_works(model, 10);
  EXPECT_EQ(parameter_names(*model), (std::set<std::string>{"fc1.weight", "fc1.bias"}));
  EXPECT_EQ(parameter_count(*model), 170);
}

TEST(MlpTest, RefusesOptionsOutOfRange) {
  EXPECT_THAT(make_mlp({.hidden = 0}, {}).status().message(), HasSubstr("hidden is 0"));
  EXPECT_THAT(make_mlp({.layers = -1}, {}).status().message(), HasSubstr("layers is -1"));
  EXPECT_THAT(make_mlp({}, {.num_classes = 0}).status().message(), HasSubstr("num_classes is 0"));
  EXPECT_THAT(make_mlp({}, {.in_channels = -3}).status().message(), HasSubstr("in_channels is -3"));
  EXPECT_THAT(make_mlp({}, {.image_size = 0}).status().message(), HasSubstr("image_size is 0"));
}

}  // namespace
}  // namespace pare::models
