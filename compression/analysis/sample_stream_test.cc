#include "compression/analysis/sample_stream.h"

#include <ATen/ops/equal.h>

#include "compression/analysis/calibration_net.h"
#include "data/sharded_loader.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(SampleStream, CutsTheLastBatch) {
  const auto model = make_calibration_net();
  TensorLoader loader(scattered({10, 2, 4, 4}, 1), 4);
  std::vector<int64_t> sizes, firsts;
  const auto visit = [&](SampleBatch batch) {
    sizes.push_back(batch.inputs[0].size(0));
    firsts.push_back(batch.first);
    return absl::OkStatus();
  };
  EXPECT_EQ(*for_each_batch(*model, loader, 6, visit), 6);
  EXPECT_EQ(sizes, (std::vector<int64_t>{4, 2}));
  sizes.clear();
  EXPECT_EQ(*for_each_batch(*model, loader, 100, visit), 10);
  EXPECT_EQ(sizes, (std::vector<int64_t>{4, 4, 2}));
  EXPECT_EQ(firsts, (std::vector<int64_t>{0, 4, 0, 4, 8}));
}

TEST(SampleStream, CountsTheSamplesOfAllProcesses) {
  const auto model = make_calibration_net();
  const at::Tensor data = scattered({10, 2, 4, 4}, 1);
  // Batches of 4, 4 and 2; of the first seven samples process 0 has 0, 1, 4, 5, and process 1 has 2, 3, 6.
  for (const int rank : {0, 1}) {
    TensorLoader loader(data, 4);
    data::ShardedLoader mine(loader, {rank, 2});
    std::vector<int64_t> seen;
    const auto visit = [&](SampleBatch batch) {
      for (int64_t i = 0; i < batch.inputs[0].size(0); ++i) {
        EXPECT_TRUE(at::equal(batch.inputs[0][i], data[batch.first + i]));
        seen.push_back(batch.first + i);
      }
      return absl::OkStatus();
    };
    EXPECT_EQ(*for_each_batch(*model, mine, 7, visit), 7);
    EXPECT_EQ(seen, rank == 0 ? (std::vector<int64_t>{0, 1, 4, 5}) : (std::vector<int64_t>{2, 3, 6}));
    seen.clear();
    EXPECT_EQ(*for_each_batch(*model, mine, 100, visit), 10);
    EXPECT_EQ(seen.size(), 5u);
  }
}

TEST(SampleStream, StopsAtAnError) {
  const auto model = make_calibration_net();
  TensorLoader loader(scattered({10, 2, 4, 4}, 1), 4);
  int calls = 0;
  const auto result = for_each_batch(*model, loader, 10, [&](SampleBatch) {
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
