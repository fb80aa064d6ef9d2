// The vectorized kernels against the reference, with every instruction set that the machine has.

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuHistogram, OnEveryTarget) {
  for_each_target([] {
    conformance::check_histogram(cpu_kernels<float>());
    conformance::check_histogram(cpu_kernels<Half>());
    conformance::check_histogram(cpu_kernels<BFloat16>());
  });
}

}  // namespace
}  // namespace pare::backends
