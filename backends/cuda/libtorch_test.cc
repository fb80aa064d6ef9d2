// That the linker kept LibTorch's CUDA part, which registers itself and of which nothing names a symbol.

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(Libtorch, CudaIsRegisteredWhereLibtorchHasIt) {
#ifdef PARE_LIBTORCH_HAS_CUDA
  EXPECT_TRUE(c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA))
      << "LibTorch has libtorch_cuda, but the linker dropped it: third_party/libtorch.bzl names it with --no-as-needed";
#else
  EXPECT_FALSE(c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA))
      << "LibTorch has CUDA, but the build does not know: third_party/cuda:libtorch_has_cuda is false";
  GTEST_SKIP() << "this LibTorch has no CUDA";
#endif
}

}  // namespace
}  // namespace pare
