// The vectorized kernels against the reference, with every instruction set that the machine has.

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuFakeQuantize, ForwardOnEveryTarget) {
  for_each_target([] { conformance::check_fake_quantize_forward(cpu_kernels()); });
}

TEST(CpuFakeQuantize, BackwardOnEveryTarget) {
  for_each_target([] { conformance::check_fake_quantize_backward(cpu_kernels()); });
}

}  // namespace
}  // namespace pare::backends
