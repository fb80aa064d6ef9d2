#include "distributed/share_model.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <string>

#include "distributed/testing.h"
#include "gmock/gmock.h"
#include "graph/model.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

// One parameter, three buffers, all of `value`.
std::shared_ptr<graph::Model> model_of(double value, int64_t size = 3) {
  auto graph = std::make_unique<graph::Graph>();
  EXPECT_TRUE(graph->add_parameter("weight", at::full({2, size}, value).t().requires_grad_(false)).ok());
  EXPECT_TRUE(graph->add_buffer("mean", at::full({size}, value)).ok());
  EXPECT_TRUE(
      graph->add_buffer("count", at::full({}, static_cast<int64_t>(value), at::TensorOptions(c10::kLong))).ok());
  EXPECT_TRUE(graph->add_buffer("mask", at::full({size}, value > 0, at::TensorOptions(c10::kBool))).ok());
  return std::make_shared<graph::Model>(std::move(graph));
}

TEST(ShareModel, GivesAllThatOfProcess0) {
  run_in_threads(3, [](ProcessGroup& group) {
    const auto model = model_of(3.5 * (1 - group.rank()));
    EXPECT_EQ(check_same_model(group, *model).code(), absl::StatusCode::kFailedPrecondition);
    ASSERT_TRUE(share_model(group, *model).ok());
    EXPECT_TRUE(check_same_model(group, *model).ok());
    const auto expected = model_of(3.5);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::equal(model->named_buffers()[i].second, expected->named_buffers()[i].second));
    }
    EXPECT_TRUE(at::equal(model->named_parameters()[0].second, expected->named_parameters()[0].second));
  });
}

TEST(ShareModel, RefusesModelsThatDiffer) {
  run_in_threads(2, [](ProcessGroup& group) {
    const auto model = model_of(1.0, 3 + group.rank());
    const absl::Status status = share_model(group, *model);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("process 1 has another model than process 0: \"weight Float[4, 2]\""));
  });
}

TEST(AverageBuffers, TakesMeansOfNumbersAndTheFirstOfCounts) {
  run_in_threads(2, [](ProcessGroup& group) {
    const auto model = model_of(2.0 + 2 * group.rank());
    ASSERT_TRUE(average_buffers(group, *model).ok());
    EXPECT_TRUE(at::equal(model->named_buffers()[0].second, at::full({3}, 3.0)));
    EXPECT_EQ(model->named_buffers()[1].second.item<int64_t>(), 2);
    // Parameters are not its business.
    EXPECT_TRUE(at::equal(model->named_parameters()[0].second, at::full({3, 2}, 2.0 + 2 * group.rank())));
  });
}

TEST(CheckSameModel, NamesWhatDiffersByABit) {
  run_in_threads(3, [](ProcessGroup& group) {
    const auto model = model_of(1.0);
    EXPECT_TRUE(check_same_model(group, *model).ok());
    if (group.rank() == 2) model->named_buffers()[0].second[1].fill_(1.0000001);
    const absl::Status status = check_same_model(group, *model);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("process 2 has another model than process 0: \"mean"));
  });
}

}  // namespace
}  // namespace pare
