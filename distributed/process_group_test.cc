#include "distributed/process_group.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "distributed/c10d_process_group.h"
#include "distributed/free_port.h"
#include "distributed/store_options.h"
#include "distributed/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ProcessGroup, ReducesTensorsOfEveryKind) {
  run_in_threads(3, [](ProcessGroup& group) {
    for (const c10::ScalarType type : {c10::kFloat, c10::kDouble, c10::kLong, c10::kInt, c10::kHalf, c10::kBFloat16}) {
      at::Tensor sum = at::full({2, 3}, group.rank() + 1, at::TensorOptions(type));
      const absl::Status status = group.all_reduce(sum, Reduction::kSum);
      ASSERT_TRUE(status.ok()) << type << ": " << status;
      EXPECT_TRUE(at::equal(sum, at::full({2, 3}, 6, at::TensorOptions(type)))) << type;
      at::Tensor least = at::full({1}, group.rank() - 1, at::TensorOptions(type));
      ASSERT_TRUE(group.all_reduce(least, Reduction::kMin).ok());
      EXPECT_EQ(least.item<double>(), -1.0) << type;
      at::Tensor most = at::full({1}, group.rank() - 1, at::TensorOptions(type));
      ASSERT_TRUE(group.all_reduce(most, Reduction::kMax).ok());
      EXPECT_EQ(most.item<double>(), 1.0) << type;
    }
  });
}

TEST(ProcessGroup, ReducesNumbers) {
  run_in_threads(2, [](ProcessGroup& group) {
    std::vector<double> numbers = {1.0, 0.1 * group.rank()};
    ASSERT_TRUE(group.reduce_numbers(absl::MakeSpan(numbers), Reduction::kSum).ok());
    EXPECT_THAT(numbers, ElementsAre(2.0, 0.1));
    EXPECT_TRUE(group.reduce_numbers({}, Reduction::kSum).ok());
  });
}

TEST(ProcessGroup, BroadcastsTensorsAndBytes) {
  run_in_threads(3, [](ProcessGroup& group) {
    at::Tensor tensor = at::arange(4).mul(group.rank());
    ASSERT_TRUE(group.broadcast(tensor, 2).ok());
    EXPECT_TRUE(at::equal(tensor, at::arange(4).mul(2)));
    const std::string mine(group.rank() == 1 ? 5000 : 0, 'x');
    const absl::StatusOr<std::string> bytes = group.broadcast_bytes(mine, 1);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(*bytes, std::string(5000, 'x'));
    const absl::StatusOr<std::string> zeroth = group.broadcast_bytes("from 0", 0);
    ASSERT_TRUE(zeroth.ok());
    EXPECT_EQ(*zeroth, "from 0");
    EXPECT_FALSE(group.broadcast(tensor, 3).ok());
  });
}

TEST(ProcessGroup, GathersTensorsAndBytesOfAnyLength) {
  run_in_threads(3, [](ProcessGroup& group) {
    const absl::StatusOr<std::vector<at::Tensor>> tensors = group.all_gather(at::full({2}, group.rank()));
    ASSERT_TRUE(tensors.ok()) << tensors.status();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(at::equal((*tensors)[i], at::full({2}, i)));
    const absl::StatusOr<std::vector<std::string>> bytes = group.gather_bytes(std::string(group.rank(), 'a'));
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_THAT(*bytes, ElementsAre("", "a", "aa"));
    EXPECT_TRUE(group.barrier().ok());
  });
}

TEST(ProcessGroup, TellsThatAnotherHasGone) {
  run_in_threads_shared(
      2,
      [](std::shared_ptr<ProcessGroup> group) {
        ASSERT_TRUE(group->barrier().ok());
        if (group->rank() == 1) return;
        at::Tensor tensor = at::full({1}, 1.0);
        const absl::Status status = group->all_reduce(tensor, Reduction::kSum);
        EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
        EXPECT_THAT(std::string(status.message()), HasSubstr("process 0 of 2: another process has ended"));
        // It fails at once from now on.
        EXPECT_EQ(group->barrier().code(), absl::StatusCode::kUnavailable);
      },
      std::chrono::seconds(2));
}

TEST(ProcessGroup, RefusesWhatCannotBeExchanged) {
  run_in_threads(1, [](ProcessGroup& group) {
    EXPECT_EQ(group.all_reduce(at::Tensor(), Reduction::kSum).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(group.all_reduce(at::arange(6).view({2, 3}).t(), Reduction::kSum).code(),
              absl::StatusCode::kInvalidArgument);
  });
}

TEST(MakeProcessGroup, RefusesOptionsOutOfRange) {
  for (const GroupOptions& options :
       {GroupOptions{.rank = 2, .size = 2}, GroupOptions{.rank = -1, .size = 2}, GroupOptions{.size = 0},
        GroupOptions{.address = ""}, GroupOptions{.port = 0}, GroupOptions{.timeout = std::chrono::milliseconds(0)}}) {
    EXPECT_EQ(make_process_group(options).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(make_process_group({.device = c10::Device(c10::kMPS)}).status().code(), absl::StatusCode::kUnimplemented);
}

// As under torchrun: a store that is there before the processes, and stays for their next start.
TEST(MakeProcessGroup, MeetsAtAStoreThatSomebodyElseServes) {
  if (const absl::Status available = processes_are_available(); absl::IsUnimplemented(available)) {
    GTEST_SKIP() << available.message();
  }
  auto options = distributed_engine::without_libuv(c10d::TCPStoreOptions());
  options.port = *free_port();
  options.isServer = true;
  options.waitWorkers = false;
  const c10d::TCPStore store("127.0.0.1", options);
  for (const char* prefix : {"/worker/attempt_0", "/worker/attempt_1"}) {
    std::vector<std::thread> threads;
    for (int rank = 0; rank < 2; ++rank) {
      threads.emplace_back([&, rank] {
        const auto group = make_process_group({.rank = rank,
                                               .size = 2,
                                               .port = options.port,
                                               .is_served = true,
                                               .prefix = prefix,
                                               .timeout = std::chrono::seconds(30)});
        ASSERT_TRUE(group.ok()) << group.status();
        double number = rank + 1;
        EXPECT_TRUE((*group)->reduce_numbers(absl::MakeSpan(&number, 1), Reduction::kSum).ok());
        EXPECT_EQ(number, 3.0);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(MakeProcessGroup, SaysWhatToLookAtWhereNobodyIsThere) {
  if (const absl::Status available = processes_are_available(); absl::IsUnimplemented(available)) {
    GTEST_SKIP() << available.message();
  }
  const absl::Status status =
      make_process_group({.rank = 1, .size = 2, .port = 9, .timeout = std::chrono::milliseconds(500)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("process 1 of 2 did not meet the others at 127.0.0.1 port 9"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("MASTER_ADDR"));
}

}  // namespace
}  // namespace pare
