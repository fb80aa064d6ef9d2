#include "tools/common/open_model.h"

#include <ATen/ops/zeros.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools {
namespace {

using ::testing::HasSubstr;

TEST(OpenModel, AModelOfModelsIsMadeAndImported) {
  const absl::StatusOr<OpenedModel> opened =
      open_model("mlp", {}, {.num_classes = 7, .in_channels = 1, .image_size = 8});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->is_random);
  EXPECT_EQ(opened->input_shape, (std::vector<int64_t>{1, 1, 8, 8}));
  const absl::StatusOr<at::Tensor> y = opened->model->forward_tensor({at::zeros({3, 1, 8, 8})});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(y->sizes(), (std::vector<int64_t>{3, 7}));
}

TEST(OpenModel, AModelOfModelsIsMadeForTheInputShape) {
  const absl::StatusOr<OpenedModel> opened = open_model("mlp", {1, 1, 8, 8}, {.num_classes = 7});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->input_shape, (std::vector<int64_t>{1, 1, 8, 8}));
  EXPECT_EQ(opened->model->forward_tensor({at::zeros({3, 1, 8, 8})})->sizes(), (std::vector<int64_t>{3, 7}));
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{1, 64}, {1, 3, 8, 16}}) {
    EXPECT_THAT(std::string(open_model("mlp", shape, {}).status().message()), HasSubstr("square images"));
  }
}

TEST(OpenModel, AnUnknownNameListsTheKnownOnes) {
  const absl::Status status = open_model("resnet21", {}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("resnet20"));
  EXPECT_FALSE(open_model("", {}, {}).ok());
}

TEST(OpenModel, AMissingFileIsNotFound) {
  const absl::Status status = open_model("nowhere/model.pt", {}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("nowhere/model.pt"));
}

}  // namespace
}  // namespace pare::tools
