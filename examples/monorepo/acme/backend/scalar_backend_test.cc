// Pare's own checks of a backend, against the kernels' definitions.

#include "acme/backend/scalar_backend.h"

#include "backends/conformance/checks.h"
#include "gtest/gtest.h"

namespace acme {
namespace {

TEST(ScalarBackend, ComputesWhatTheKernelsAreDefinedAs) {
  const int64_t before = kernel_calls();
  pare::backends::conformance::check_fake_quantize_forward(scalar_kernels());
  EXPECT_GT(kernel_calls(), before);
}

}  // namespace
}  // namespace acme
