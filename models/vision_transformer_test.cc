#include "models/vision_transformer.h"

#include "models/model_test_util.h"

namespace pare::models {
namespace {

using ::testing::HasSubstr;

TEST(VisionTransformerTest, Works) {
  expect_works(make_vision_transformer({.patch_size = 4, .width = 12, .depth = 2, .heads = 3}, {5, 1, 8}), 5);
}

TEST(VisionTransformerTest, HasTheSizeThatItsLayersAddUpTo) {
  const auto model = make_vision_transformer({4, 12, 2, 3, 2}, {5, 1, 8});
  ASSERT_TRUE(model.ok()) << model.status();
  const int64_t block = 2 * 24 + (12 * 36 + 36) + (12 * 12 + 12) + (12 * 24 + 24) + (24 * 12 + 12);
  EXPECT_EQ(parameter_count(*model), (16 * 12 + 12) + 4 * 12 + 2 * block + 24 + (12 * 5 + 5));
  EXPECT_EQ(parameter_names(*model).count("blocks.1.attn.qkv.weight"), 1);
  EXPECT_EQ(parameter_names(*model).count("pos_embed"), 1);
}

TEST(VisionTransformerTest, RefusesOptionsThatDoNotFit) {
  const auto message = [](const VisionTransformerOptions& options) {
    return std::string(make_vision_transformer(options, {}).status().message());
  };
  EXPECT_THAT(message({.patch_size = 5}), HasSubstr("image_size is 32, which is no multiple of patch_size, 5"));
  EXPECT_THAT(message({.patch_size = 0}), HasSubstr("patch_size is 0"));
  EXPECT_THAT(message({.width = 10, .heads = 3}), HasSubstr("width is 10, which is no multiple of heads, 3"));
  EXPECT_THAT(message({.depth = 0}), HasSubstr("depth is 0"));
}

}  // namespace
}  // namespace pare::models
