// One suite for every backend of the build (--//backends:enabled), and any that another repository adds to BUILD's
// deps. With PARE_VULKAN_VALIDATION=1 a Vulkan device's validation layer listens, and all that it says is a failure.

#include <string>

#include "backends/all_backends.h"
#include "backends/conformance/checks.h"
#include "backends/registry.h"
#include "backends/vulkan/device.h"
#include "gtest/gtest.h"

namespace pare::backends::conformance {
namespace {

// Before the suite asks for the names.
const bool registered = register_all_backends().ok();

class Conformance : public ::testing::TestWithParam<std::string> {
 protected:
  void TearDown() override {
    for (const std::string& message : vulkan::take_validation_messages()) ADD_FAILURE() << message;
  }

  // Calls check(table) with the backend's kernels for host memory, for each type of tensor that it has.
  template <typename Check>
  void for_each_type(const Check& check) {
    const KernelBackend& backend = **find_backend(GetParam());
    if (backend.table<float>(DeviceKind::kCpu) == nullptr) {
      GTEST_SKIP() << GetParam() << " has no kernels for host memory here";
    }
    check(*backend.table<float>(DeviceKind::kCpu));
    if (const auto* table = backend.table<Half>(DeviceKind::kCpu)) {
      SCOPED_TRACE("Half");
      check(*table);
    }
    if (const auto* table = backend.table<BFloat16>(DeviceKind::kCpu)) {
      SCOPED_TRACE("BFloat16");
      check(*table);
    }
  }
};

#define PARE_CONFORMANCE_TEST(name, check)                  \
  TEST_P(Conformance, name) {                               \
    for_each_type([](const auto& table) { check(table); }); \
  }
PARE_CONFORMANCE_TEST(FakeQuantizeForward, check_fake_quantize_forward)
PARE_CONFORMANCE_TEST(FakeQuantizeBackward, check_fake_quantize_backward)
PARE_CONFORMANCE_TEST(MinMax, check_min_max)
PARE_CONFORMANCE_TEST(AbsMax, check_abs_max)
PARE_CONFORMANCE_TEST(MeanVariance, check_mean_variance)
PARE_CONFORMANCE_TEST(Histogram, check_histogram)
PARE_CONFORMANCE_TEST(KeyHistogram, check_key_histogram)
PARE_CONFORMANCE_TEST(MagnitudeMask, check_magnitude_mask)
PARE_CONFORMANCE_TEST(ApplyMask, check_apply_mask)
PARE_CONFORMANCE_TEST(CountZeros, check_count_zeros)
PARE_CONFORMANCE_TEST(CountAbove, check_count_above)
PARE_CONFORMANCE_TEST(RbMaskForward, check_rb_mask_forward)
PARE_CONFORMANCE_TEST(RbMaskBackward, check_rb_mask_backward)
PARE_CONFORMANCE_TEST(NOfMMask, check_n_of_m_mask)
PARE_CONFORMANCE_TEST(BinarizeWeights, check_binarize_weights)
PARE_CONFORMANCE_TEST(BinarizeActivationsForward, check_binarize_activations_forward)
PARE_CONFORMANCE_TEST(BinarizeActivationsBackward, check_binarize_activations_backward)
PARE_CONFORMANCE_TEST(FilterNorms, check_filter_norms)
PARE_CONFORMANCE_TEST(PairwiseDistances, check_pairwise_distances)
PARE_CONFORMANCE_TEST(QuantizeToCodes, check_quantize_to_codes)
PARE_CONFORMANCE_TEST(DequantizeCodes, check_dequantize_codes)
PARE_CONFORMANCE_TEST(QuantizeGroups, check_quantize_groups)
PARE_CONFORMANCE_TEST(DequantizeGroups, check_dequantize_groups)

INSTANTIATE_TEST_SUITE_P(Backends, Conformance, ::testing::ValuesIn(backend_names()),
                         [](const auto& info) { return info.param; });

TEST(Backends, AreRegistered) { EXPECT_TRUE(registered); }

}  // namespace
}  // namespace pare::backends::conformance
