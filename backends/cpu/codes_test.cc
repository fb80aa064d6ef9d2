// The vectorized kernels against the reference, with every instruction set that the machine has.

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuCodes, OnEveryTarget) {
  for_each_target([] { conformance::check_quantize_to_codes(cpu_kernels<float>()); });
}

}  // namespace
}  // namespace pare::backends
