// A backend of another repository: linking its registration is enough for Pare's operations to find it by name.

#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/sum.h>

#include "backends/conformance/checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ops/fake_quantize.h"
#include "ops/kernel_choice.h"
#include "tests/custom_backend/counting_backend.h"

namespace custom_backend {
namespace {

using pare::ops::fake_quantize_symmetric;
using pare::ops::GradientRule;

TEST(CustomBackend, ConformsToTheReference) {
  pare::backends::conformance::check_fake_quantize_forward(counting_kernels());
}

TEST(CustomBackend, OperationsUseItByNameAndFallToTheNextForTheRest) {
  const at::Tensor x = at::linspace(-3, 3, 1001).requires_grad_(), scale = at::full({1}, 2.0).requires_grad_();
  ASSERT_EQ(pare::ops::set_kernel_backend("cpu")->name, "cpu");
  const at::Tensor expected = fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, GradientRule::kExact);
  const int64_t before = calls();

  const auto choice = pare::ops::set_kernel_backend("counting");
  ASSERT_TRUE(choice.ok()) << choice.status();
  const at::Tensor y = fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, GradientRule::kExact);
  EXPECT_EQ(calls(), before + 1);
  EXPECT_TRUE(y.equal(expected));

  ::testing::internal::CaptureStderr();
  y.sum().backward();
  EXPECT_THAT(
      ::testing::internal::GetCapturedStderr(),
      ::testing::HasSubstr("backend counting has no kernel fake_quantize_backward on cpu: that of cpu is used"));
  EXPECT_TRUE(x.grad().defined() && scale.grad().defined());
}

TEST(CustomBackend, RegisteringAgainChangesNothing) { EXPECT_TRUE(register_counting_backend().ok()); }

}  // namespace
}  // namespace custom_backend
