// The vectorized kernels against the reference, with every instruction set that the machine has.

#include "backends/conformance/checks.h"
#include "backends/cpu/backend.h"
#include "backends/cpu/targets.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuBinarize, WeightsOnEveryTarget) {
  for_each_target([] {
    conformance::check_binarize_weights(cpu_kernels<float>());
    conformance::check_binarize_weights(cpu_kernels<Half>());
    conformance::check_binarize_weights(cpu_kernels<BFloat16>());
  });
}

TEST(CpuBinarize, ActivationsForwardOnEveryTarget) {
  for_each_target([] {
    conformance::check_binarize_activations_forward(cpu_kernels<float>());
    conformance::check_binarize_activations_forward(cpu_kernels<Half>());
    conformance::check_binarize_activations_forward(cpu_kernels<BFloat16>());
  });
}

TEST(CpuBinarize, ActivationsBackwardOnEveryTarget) {
  for_each_target([] {
    conformance::check_binarize_activations_backward(cpu_kernels<float>());
    conformance::check_binarize_activations_backward(cpu_kernels<Half>());
    conformance::check_binarize_activations_backward(cpu_kernels<BFloat16>());
  });
}

}  // namespace
}  // namespace pare::backends
