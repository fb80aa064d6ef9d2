#include "compression/analysis/sample_stream.h"

#include <ATen/ops/equal.h>

#include "compression/analysis/calibration_net.h"
#include "data/sharded_loader.h"
#include "distributed/testing.h"
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

TEST(SampleStream, TogetherCallsAllForEveryBatch) {
  const at::Tensor data = scattered({5, 2, 4, 4}, 1);
  run_in_threads(3, [&](ProcessGroup& group) {
    const auto model = make_calibration_net();
    TensorLoader loader(data, 4);  // of the second batch, of one sample, two processes have none
    data::ShardedLoader mine(loader, {group.rank(), group.size()});
    std::vector<int64_t> sizes, firsts, whole_sizes;
    const auto visit = [&](SampleBatch batch) {
      sizes.push_back(batch.inputs[0].size(0));
      firsts.push_back(batch.first_of_whole);
      whole_sizes.push_back(batch.whole_size);
      return absl::OkStatus();
    };
    EXPECT_EQ(*for_each_batch_together(*model, mine, 100, &group, visit), 5);
    EXPECT_EQ(firsts, (std::vector<int64_t>{0, 4}));
    EXPECT_EQ(whole_sizes, (std::vector<int64_t>{4, 1}));
    ASSERT_EQ(sizes.size(), 2u);
    double of_all[] = {static_cast<double>(sizes[0]), static_cast<double>(sizes[1])};
    ASSERT_TRUE(group.reduce_numbers(absl::MakeSpan(of_all), Reduction::kSum).ok());
    EXPECT_EQ(of_all[0], 4);
    EXPECT_EQ(of_all[1], 1);
  });
}

TEST(SampleStream, TogetherAnErrorOfOneStopsAll) {
  // In the first batch, and in the last, after which there is no other to agree before.
  for (const int64_t bad : {0, 8}) {
    run_in_threads(2, [&](ProcessGroup& group) {
      const auto model = make_calibration_net();
      TensorLoader loader(scattered({10, 2, 4, 4}, 1), 4);
      data::ShardedLoader mine(loader, {group.rank(), 2});
      int64_t calls = 0;
      const auto visit = [&](SampleBatch batch) -> absl::Status {
        ++calls;
        if (group.rank() == 1 && batch.first_of_whole == bad) return absl::DataLossError("a picture");
        return absl::OkStatus();
      };
      const absl::Status status = for_each_batch_together(*model, mine, 100, &group, visit).status();
      EXPECT_EQ(status.code(), group.rank() == 1 ? absl::StatusCode::kDataLoss : absl::StatusCode::kAborted);
      EXPECT_EQ(calls, bad / 4 + 1);
    });
  }
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
