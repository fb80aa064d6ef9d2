// The vectorized kernels against the reference, with every instruction set that the machine has.

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuSparsity, MagnitudeMaskOnEveryTarget) {
  for_each_target([] {
    conformance::check_magnitude_mask(cpu_kernels<float>());
    conformance::check_magnitude_mask(cpu_kernels<Half>());
    conformance::check_magnitude_mask(cpu_kernels<BFloat16>());
  });
}

TEST(CpuSparsity, ApplyMaskOnEveryTarget) {
  for_each_target([] {
    conformance::check_apply_mask(cpu_kernels<float>());
    conformance::check_apply_mask(cpu_kernels<Half>());
    conformance::check_apply_mask(cpu_kernels<BFloat16>());
  });
}

TEST(CpuSparsity, CountZerosOnEveryTarget) {
  for_each_target([] {
    conformance::check_count_zeros(cpu_kernels<float>());
    conformance::check_count_zeros(cpu_kernels<Half>());
    conformance::check_count_zeros(cpu_kernels<BFloat16>());
  });
}

TEST(CpuSparsity, CountAboveOnEveryTarget) {
  for_each_target([] {
    conformance::check_count_above(cpu_kernels<float>());
    conformance::check_count_above(cpu_kernels<Half>());
    conformance::check_count_above(cpu_kernels<BFloat16>());
  });
}

TEST(CpuSparsity, RbMaskForwardOnEveryTarget) {
  for_each_target([] {
    conformance::check_rb_mask_forward(cpu_kernels<float>());
    conformance::check_rb_mask_forward(cpu_kernels<Half>());
    conformance::check_rb_mask_forward(cpu_kernels<BFloat16>());
  });
}

TEST(CpuSparsity, RbMaskBackwardOnEveryTarget) {
  for_each_target([] {
    conformance::check_rb_mask_backward(cpu_kernels<float>());
    conformance::check_rb_mask_backward(cpu_kernels<Half>());
    conformance::check_rb_mask_backward(cpu_kernels<BFloat16>());
  });
}

TEST(CpuSparsity, NOfMMaskOnEveryTarget) {
  for_each_target([] {
    conformance::check_n_of_m_mask(cpu_kernels<float>());
    conformance::check_n_of_m_mask(cpu_kernels<Half>());
    conformance::check_n_of_m_mask(cpu_kernels<BFloat16>());
  });
}

}  // namespace
}  // namespace pare::backends
