#include "backends/vulkan/backend.h"

#include <vector>

#include "backends/conformance/checks.h"
#include "backends/reference/backend.h"
#include "backends/registry.h"
#include "backends/vulkan/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

TEST(VulkanRegistration, LinkingIsEnough) {
  ASSERT_TRUE(find_backend("vulkan").ok()) << find_backend("vulkan").status();
  const KernelBackend& backend = **find_backend("vulkan");
  EXPECT_EQ(backend.float32(DeviceKind::kCuda), nullptr);
  const KernelTable<float>* const expected = selected_device().ok() ? &vulkan_kernels<float>() : nullptr;
  EXPECT_EQ(backend.float32(DeviceKind::kCpu), expected);
  EXPECT_EQ(backend.float32(DeviceKind::kVulkan), expected);
}

class FakeQuantizeTest : public VulkanTest {};

TEST_F(FakeQuantizeTest, OfHostMemoryIsTheReference) {
  conformance::check_fake_quantize_forward(vulkan_kernels<float>());
  conformance::check_fake_quantize_forward(vulkan_kernels<Half>());
  conformance::check_fake_quantize_forward(vulkan_kernels<BFloat16>());
}

// Tensors larger than what the device can bind, on the device and on the host, with and without memory of its own.
TEST_F(FakeQuantizeTest, InPiecesIsTheReference) {
  for (const bool unified : {true, false}) {
    DeviceOptions options;
    options.adjust_plan = [&](DevicePlan& plan) {
      plan.buffer_range = 8192;
      plan.unified_memory = plan.unified_memory && unified;
      plan.host_import = plan.host_import && unified;
      plan.loop_groups = 2;
    };
    reopen(options);
    for (const Layout& layout : {Layout{1, 1, 10'001}, Layout{3, 7, 1000}, Layout{3, 5, 1001}, Layout{4001, 6, 1}}) {
      std::vector<float> x(layout.size()), expected(layout.size());
      for (size_t i = 0; i < x.size(); ++i) x[i] = 0.37f * (static_cast<int>(i * 7919 % 1009) - 500);
      std::vector<float> step(layout.channels), inverse_step(step), lowest(step), highest(step);
      for (int64_t c = 0; c < layout.channels; ++c) {
        step[c] = 0.25f + c;
        inverse_step[c] = 1.0f / step[c];
        lowest[c] = -100.0f + c;
        highest[c] = 90.0f + c;
      }
      ASSERT_EQ(
          reference_kernels<float>().fake_quantize_forward(
              {}, layout, x.data(), {step.data(), inverse_step.data(), lowest.data(), highest.data()}, expected.data()),
          absl::OkStatus());
      float* const on_device = to_device(x);
      // One array for all four, as a caller may keep them: none but the first is where a binding may begin.
      std::vector<float> parameters;
      for (const auto* part : {&step, &inverse_step, &lowest, &highest}) {
        parameters.insert(parameters.end(), part->begin(), part->end());
      }
      float* const first = to_device(parameters);
      const QuantizationGrid grid{first, first + layout.channels, first + 2 * layout.channels,
                                  first + 3 * layout.channels};
      ASSERT_EQ(vulkan_kernels<float>().fake_quantize_forward({}, layout, on_device, grid, on_device),
                absl::OkStatus());
      EXPECT_EQ(to_host(on_device, x.size()), expected) << "inner " << layout.inner << ", unified " << unified;
      // The host's tensor with the device's parameters.
      ASSERT_EQ(vulkan_kernels<float>().fake_quantize_forward({}, layout, x.data(), grid, x.data()), absl::OkStatus());
      EXPECT_EQ(x, expected) << "inner " << layout.inner << ", unified " << unified;
      EXPECT_EQ(device_->free(on_device), absl::OkStatus());
      EXPECT_EQ(device_->free(first), absl::OkStatus());
    }
  }
}

class ReductionTest : public VulkanTest {};

TEST_F(ReductionTest, FakeQuantizeBackward) {
  conformance::check_fake_quantize_backward(vulkan_kernels<float>());
  conformance::check_fake_quantize_backward(vulkan_kernels<Half>());
  conformance::check_fake_quantize_backward(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, MinMax) {
  conformance::check_min_max(vulkan_kernels<float>());
  conformance::check_min_max(vulkan_kernels<Half>());
  conformance::check_min_max(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, AbsMax) {
  conformance::check_abs_max(vulkan_kernels<float>());
  conformance::check_abs_max(vulkan_kernels<Half>());
  conformance::check_abs_max(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, MeanVariance) {
  conformance::check_mean_variance(vulkan_kernels<float>());
  conformance::check_mean_variance(vulkan_kernels<Half>());
  conformance::check_mean_variance(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, Histogram) {
  conformance::check_histogram(vulkan_kernels<float>());
  conformance::check_histogram(vulkan_kernels<Half>());
  conformance::check_histogram(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, KeyHistogram) {
  conformance::check_key_histogram(vulkan_kernels<float>());
  conformance::check_key_histogram(vulkan_kernels<Half>());
  conformance::check_key_histogram(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, CountZeros) {
  conformance::check_count_zeros(vulkan_kernels<float>());
  conformance::check_count_zeros(vulkan_kernels<Half>());
  conformance::check_count_zeros(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, CountAbove) {
  conformance::check_count_above(vulkan_kernels<float>());
  conformance::check_count_above(vulkan_kernels<Half>());
  conformance::check_count_above(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, BinarizeActivationsBackward) {
  conformance::check_binarize_activations_backward(vulkan_kernels<float>());
  conformance::check_binarize_activations_backward(vulkan_kernels<Half>());
  conformance::check_binarize_activations_backward(vulkan_kernels<BFloat16>());
}

TEST_F(ReductionTest, FilterNorms) {
  conformance::check_filter_norms(vulkan_kernels<float>());
  conformance::check_filter_norms(vulkan_kernels<Half>());
  conformance::check_filter_norms(vulkan_kernels<BFloat16>());
}

}  // namespace
}  // namespace pare::backends::vulkan
