#include "training/random_state.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

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

TEST(RandomState, RefusesWhatIsNoState) {
  EXPECT_FALSE(set_random_state(kCpu, at::Tensor()).ok());
  EXPECT_FALSE(set_random_state(kCpu, at::zeros({3}, at::kByte)).ok());
}

}  // namespace
}  // namespace pare::training
