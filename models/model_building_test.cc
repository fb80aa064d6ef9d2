#include "models/model_building.h"

#include <ATen/Functions.h>

#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::models {
namespace {

using ::testing::HasSubstr;

TEST(WithSeedTest, SeedsInsideAndRestoresOutside) {
  at::manual_seed(1);
  const at::Tensor before = at::rand({3}), after = at::rand({3});
  at::manual_seed(9);
  const at::Tensor seeded = at::rand({3});
  at::manual_seed(1);
  EXPECT_TRUE(at::equal(at::rand({3}), before));
  with_seed(9, [&] { EXPECT_TRUE(at::equal(at::rand({3}), seeded)); });
  EXPECT_TRUE(at::equal(at::rand({3}), after));
}

TEST(WithSeedTest, RestoresAfterAnException) {
  at::manual_seed(1);
  const at::Tensor expected = at::rand({3});
  at::manual_seed(1);
  EXPECT_THROW(with_seed(9, [] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_TRUE(at::equal(at::rand({3}), expected));
}

TEST(CheckRangeTest, NamesModelOptionAndRange) {
  EXPECT_TRUE(check_range("net", "width", 1, 1, 4).ok());
  EXPECT_TRUE(check_range("net", "width", 4, 1, 4).ok());
  EXPECT_EQ(check_range("net", "width", 5, 1, 4).message(), "model net: width is 5, but goes from 1 to 4");
}

TEST(CheckModelOptionsTest, RefusesEachOptionOutOfRange) {
  EXPECT_TRUE(check_model_options("net", {}).ok());
  EXPECT_THAT(check_model_options("net", {.num_classes = 0}).message(), HasSubstr("num_classes"));
  EXPECT_THAT(check_model_options("net", {.in_channels = 0}).message(), HasSubstr("in_channels"));
  EXPECT_THAT(check_model_options("net", {.image_size = int64_t{1} << 40}).message(), HasSubstr("image_size"));
}

}  // namespace
}  // namespace pare::models
