// The vectorized kernels against the reference, with every instruction set that the machine has.

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuExtremes, MinMaxOnEveryTarget) {
  for_each_target([] {
    conformance::check_min_max(cpu_kernels<float>());
    conformance::check_min_max(cpu_kernels<Half>());
    conformance::check_min_max(cpu_kernels<BFloat16>());
  });
}

TEST(CpuExtremes, AbsMaxOnEveryTarget) {
  for_each_target([] {
    conformance::check_abs_max(cpu_kernels<float>());
    conformance::check_abs_max(cpu_kernels<Half>());
    conformance::check_abs_max(cpu_kernels<BFloat16>());
  });
}

}  // namespace
}  // namespace pare::backends
