#include "compression/analysis/sample_stream.h"

#include "compression/analysis/calibration_net.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(SampleStream, CutsTheLastBatch) {
  const auto model = make_calibration_net();
  TensorLoader loader(scattered({10, 2, 4, 4}, 1), 4);
  std::vector<int64_t> sizes;
  const auto visit = [&](std::vector<at::Tensor> inputs) {
    sizes.push_back(inputs[0].size(0));
    return absl::OkStatus();
  };
  EXPECT_EQ(*for_each_batch(*model, loader, 6, visit), 6);
  EXPECT_EQ(sizes, (std::vector<int64_t>{4, 2}));
  sizes.clear();
  EXPECT_EQ(*for_each_batch(*model, loader, 100, visit), 10);
  EXPECT_EQ(sizes, (std::vector<int64_t>{4, 4, 2}));
}

TEST(SampleStream, StopsAtAnError) {
  const auto model = make_calibration_net();
  TensorLoader loader(scattered({10, 2, 4, 4}, 1), 4);
  int calls = 0;
  const auto result = for_each_batch(*model, loader, 10, [&](std::vector<at::Tensor>) {
    ++calls;
    return absl::AbortedError("enough");
  });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(calls, 1);
}

TEST(SampleStream, EvaluationModeEnds) {
  const auto model = make_calibration_net();
  model->train();
  {
    const EvaluationMode mode(*model);
    EXPECT_FALSE(model->is_training());
  }
  EXPECT_TRUE(model->is_training());
}

}  // namespace
}  // namespace pare
