// The suite that every backend has to pass, for the CUDA kernels on the emulator.

#include <cstdint>
#include <vector>

#include "backends/conformance/checks.h"
#include "backends/cuda/backend.h"
#include "backends/cuda/call.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/emulator/emulator.h"
#include "backends/cuda/launch_plan.h"
#include "backends/cuda/sources.h"
#include "gtest/gtest.h"

namespace pare::backends::conformance {
namespace {

class EmulatedCuda : public ::testing::Test {
 protected:
  void SetUp() override { cuda::set_driver(cuda::emulator()); }
  void TearDown() override {
    cuda::set_emulated_offset(0);
    EXPECT_EQ(cuda::emulated_bytes_in_use(), 0);
    EXPECT_FALSE(cuda::take_emulated_overrun()) << "a kernel has written behind its memory";
  }

  template <typename Check>
  void for_each_type(const Check& check) {
    check(cuda_kernels<float>());
    {
      SCOPED_TRACE("Half");
      check(cuda_kernels<Half>());
    }
    SCOPED_TRACE("BFloat16");
    check(cuda_kernels<BFloat16>());
  }
};

#define PARE_CONFORMANCE_TEST(name, check)                  \
  TEST_F(EmulatedCuda, name) {                              \
    for_each_type([](const auto& table) { check(table); }); \
  }
PARE_FOR_EACH_CONFORMANCE_CHECK(PARE_CONFORMANCE_TEST)

// Where tensors are not at a multiple of 16 bytes, groups go element by element.
TEST_F(EmulatedCuda, TensorsMayBeginAnywhere) {
  cuda::set_emulated_offset(8);
  for_each_type([](const auto& table) {
    check_fake_quantize_forward(table);
    check_min_max(table);
    check_apply_mask(table);
    check_rb_mask_forward(table);
    check_quantize_to_codes(table);
    check_histogram(table);
  });
}

// A number beyond 2^31 takes another way to its channel than smaller ones.
TEST_F(EmulatedCuda, DivisionsOfLargeTensorsGiveTheSame) {
  const Layout layout{3, 5, 7};
  std::vector<float> x(layout.size()), expected(layout.size()), actual(layout.size()), scale = {1, 2, 3, 4, 5};
  for (size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 1.0f : -1.0f;
  ASSERT_TRUE(
      cuda_kernels<float>().binarize_weights(Execution(), layout, x.data(), scale.data(), expected.data()).ok());
  cuda::Elementwise elements = cuda::elementwise(layout, sizeof(float), {});
  elements.inner.is_small = elements.runs.is_small = false;
  {
    cuda::Call call;
    cuda::launch_elementwise<float>(call, cuda::sources::binarize, "binarize_weights", elements,
                                    call.input(x.data(), layout.size()), call.input(scale.data(), layout.channels),
                                    call.output(actual.data(), layout.size()));
    ASSERT_TRUE(call.finish().ok());
  }
  EXPECT_EQ(actual, expected);
}

// Many terms that are each too small to change a sum of floats that the first one has begun.
TEST_F(EmulatedCuda, SmallTermsAreNotLostBesideALargeOne) {
  constexpr float kSmall = 0x1p-24f;
  for (const Layout& layout : {Layout{1 << 18, 4, 1}, Layout{1, 2, 1 << 20}, Layout{64, 3, 4096}}) {
    std::vector<float> x(layout.size(), kSmall), l1(layout.channels);
    x[0] = 1;
    ASSERT_TRUE(cuda_kernels<float>().filter_norms(Execution(), layout, x.data(), l1.data(), nullptr).ok());
    const double expected = 1 + static_cast<double>(layout.outer * layout.inner - 1) * kSmall;
    EXPECT_NEAR(l1[0], expected, kSumTolerance * expected);
  }
  const GroupedLayout layout{1, 1 << 16, 1 << 16};
  std::vector<float> x(layout.size(), 0.3f), scale(1), error(1);
  x[0] = 8;  // The scale is -1, so the error of each 0.3 is 0.3 squared.
  std::vector<uint8_t> codes(layout.size() / 2);
  ASSERT_TRUE(cuda_kernels<float>()
                  .quantize_groups(Execution(), layout, WeightFormat::kInt4Symmetric, x.data(), codes.data(),
                                   scale.data(), nullptr, error.data())
                  .ok());
  EXPECT_EQ(scale[0], -1);
  const double expected = (layout.size() - 1) * double{0.3f * 0.3f};
  EXPECT_NEAR(error[0], expected, kSumTolerance * expected);
}

TEST_F(EmulatedCuda, DeviceMemoryIsUsedWhereItIs) {
  cuda::Driver* const driver = cuda::emulator();
  std::vector<float> x = {1, -2, 3, -4, 5}, y(5);
  const std::vector<uint8_t> mask = {1, 0, 1, 0, 0};
  float* const on_device = static_cast<float*>(*driver->allocate(5 * sizeof(float)));
  ASSERT_TRUE(driver->copy_from_host(on_device, x.data(), 5 * sizeof(float)).ok());
  ASSERT_TRUE(cuda_kernels<float>().apply_mask(Execution(), 5, on_device, mask.data(), on_device).ok());
  ASSERT_TRUE(cuda_kernels<float>().apply_mask(Execution(), 5, on_device, mask.data(), y.data()).ok());
  EXPECT_EQ(y, (std::vector<float>{1, 0, 3, 0, 0}));
  ASSERT_TRUE(driver->copy_to_host(x.data(), on_device, 5 * sizeof(float)).ok());
  EXPECT_EQ(x, y);
  driver->free(on_device);
}

}  // namespace
}  // namespace pare::backends::conformance
