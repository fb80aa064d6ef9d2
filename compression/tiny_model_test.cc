#include "compression/tiny_model.h"

#include <ATen/ops/ones.h>

#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(TinyModel, IsWholeAndRuns) {
  const std::shared_ptr<graph::Model> model = make_tiny_model();
  EXPECT_TRUE(graph::validate(model->graph()).ok()) << graph::validate(model->graph());
  const absl::StatusOr<at::Tensor> y = model->forward_tensor({at::ones({1, 4})});
  ASSERT_TRUE(y.ok()) << y.status();
  // fc1: rows of 0.1 (-3 .. 0), (1 .. 4), (5 .. 8) sum to -0.6, 1.0, 2.6, plus 0.5; relu: 0, 1.5, 3.1.
  // fc2: rows 0.1 (-3, -2, -1) and 0.1 (0, 1, 2): -0.3 - 0.31 + 0.5 and 0.15 + 0.62 + 0.5.
  EXPECT_NEAR((*y)[0][0].item<double>(), -0.11, 1e-6);
  EXPECT_NEAR((*y)[0][1].item<double>(), 1.27, 1e-6);
}

}  // namespace
}  // namespace pare
