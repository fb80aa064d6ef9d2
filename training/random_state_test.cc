#include "training/random_state.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cstring>
#include <utility>

namespace pare::training {
namespace {

const c10::Device kCpu(c10::kCPU);

TEST(RandomState, ASeedDrawsTheSameAgain) {
  ASSERT_TRUE(seed_random(kCpu, 7).ok());
  const at::Tensor first = at::rand({8});
  ASSERT_TRUE(seed_random(kCpu, 7).ok());
  EXPECT_TRUE(at::equal(at::rand({8}), first));
  ASSERT_TRUE(seed_random(kCpu, 8).ok());
  EXPECT_FALSE(at::equal(at::rand({8}), first));
}

TEST(RandomState, AStateGoesOnFromWhereItWas) {
  ASSERT_TRUE(seed_random(kCpu, 1).ok());
  at::rand({5});
  const auto state = random_state(kCpu);
  ASSERT_TRUE(state.ok()) << state.status();
  const at::Tensor next = at::rand({8});
  at::rand({100});
  ASSERT_TRUE(set_random_state(kCpu, *state).ok());
  EXPECT_TRUE(at::equal(at::rand({8}), next));
}

// Of LibTorch's state of a CPU's generator: the seed (8 bytes), left, whether it is seeded (4 each), next (8).
at::Tensor with_position(const at::Tensor& state, int32_t left, uint64_t next) {
  at::Tensor forged = state.clone();
  char* const bytes = static_cast<char*>(forged.data_ptr());
  std::memcpy(bytes + 8, &left, sizeof(left));
  std::memcpy(bytes + 16, &next, sizeof(next));
  return forged;
}

TEST(RandomState, APositionThatNoGeneratorComesToIsRefused) {
  ASSERT_TRUE(seed_random(kCpu, 1).ok());
  at::rand({5});
  const at::Tensor state = random_state(kCpu).value();
  const at::Tensor next_numbers = at::rand({8});
  ASSERT_TRUE(set_random_state(kCpu, with_position(state, 620, 5)).ok());
  EXPECT_TRUE(at::equal(at::rand({8}), next_numbers)) << "the bytes are not where this test takes them to be";
  ASSERT_TRUE(set_random_state(kCpu, state).ok());
  using Position = std::pair<int32_t, uint64_t>;
  for (const auto& [left, next] : {Position{624, 624}, {624, 0}, {2, 624}, {620, 6}, {2, 0}, {625, 0}, {0, 0}}) {
    const absl::Status status = set_random_state(kCpu, with_position(state, left, next));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << left << " left, next " << next;
  }
  const absl::Status status = set_random_state(kCpu, with_position(state, 624, 624));
  EXPECT_NE(status.message().find("found left 624 and next 624"), std::string::npos) << status;
  EXPECT_TRUE(at::equal(at::rand({8}), next_numbers)) << "what is refused changes nothing";
}

TEST(RandomState, EveryPositionOfAGeneratorIsTaken) {
  ASSERT_TRUE(seed_random(kCpu, 1).ok());
  for (int drawn = 0; drawn <= 626; ++drawn) {
    const auto state = random_state(kCpu);
    ASSERT_TRUE(state.ok()) << state.status();
    const absl::Status status = set_random_state(kCpu, *state);
    ASSERT_TRUE(status.ok()) << "after " << drawn << " numbers: " << status;
    at::rand({1});
  }
}

TEST(RandomState, RefusesWhatIsNoState) {
  EXPECT_FALSE(set_random_state(kCpu, at::Tensor()).ok());
  EXPECT_FALSE(set_random_state(kCpu, at::zeros({3}, at::kByte)).ok());
}

}  // namespace
}  // namespace pare::training
