#include "compression/sparsity/rb_loss.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include "graph/graph.h"
#include "gtest/gtest.h"

namespace pare::sparsity {
namespace {

class RbLossTest : public ::testing::Test {
 protected:
  // Three of four and one of two logits are active.
  std::vector<graph::Value*> logits() {
    at::Tensor a = at::tensor({1.0f, 2.0f, 0.5f, -1.0f}).set_requires_grad(true);
    at::Tensor b = at::tensor({-3.0f, 4.0f}).set_requires_grad(true);
    return {graph_.add_parameter("a", a).value(), graph_.add_parameter("b", b).value()};
  }
  graph::Graph graph_;
};

TEST_F(RbLossTest, GloballyItIsTheSquaredExcessOverAllLogits) {
  RbLoss loss(logits(), /*is_local=*/false);
  loss.set_level(0.5);
  // ((4 / 6 - 0.5) / 0.05)^2
  at::Tensor value = loss.forward();
  EXPECT_NEAR(value.item<double>(), 11.1111111, 1e-5);
  EXPECT_NEAR(loss.current_sparsity(), 2.0 / 6, 1e-12);
  value.backward();
  // 2 (4 / 6 - 0.5) / 0.05^2 / 6 for every logit.
  for (const graph::Value* parameter : graph_.parameters()) {
    const at::Tensor gradient = parameter->tensor().grad();
    for (int64_t i = 0; i < gradient.numel(); ++i) EXPECT_NEAR(gradient[i].item<double>(), 22.2222222, 1e-4);
  }
}

TEST_F(RbLossTest, LocallyItIsTheMeanOfTheLayersOwn) {
  RbLoss loss(logits(), /*is_local=*/true);
  loss.set_level(0.5);
  // ((3/4 - 1/2) / 0.05)^2 = 25 and 0
  EXPECT_NEAR(loss.forward().item<double>(), 12.5, 1e-5);
}

TEST_F(RbLossTest, OffAndReleasedItAddsNothing) {
  RbLoss loss(logits(), false);
  loss.set_enabled(false);
  EXPECT_FALSE(loss.forward().defined());
  loss.set_enabled(true);
  loss.release();
  EXPECT_FALSE(loss.forward().defined());
  EXPECT_NEAR(loss.current_sparsity(), 2.0 / 6, 1e-12);
}

}  // namespace
}  // namespace pare::sparsity
