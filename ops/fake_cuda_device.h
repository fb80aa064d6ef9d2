// ops/fake_cuda_device.h: for tests on a machine without a GPU: "cuda:0" as host memory under that name.
//
//   const at::Tensor x = to_fake_cuda(at::randn({3}));   // x.is_cuda()
//   EXPECT_TRUE(at::equal(from_fake_cuda(abs_max(x, -1)), abs_max(from_fake_cuda(x), -1)));
//
// LibTorch's operators on such tensors run on the CPU's, and a kernel backend "cuda" gives the kernels of "cpu" for
// DeviceKind::kCuda. Their addresses are none of the host's: what reads them by itself crashes. What a real device
// would make the host wait for is counted. Linking it makes the device; it takes a LibTorch without CUDA.

#ifndef PARE_OPS_FAKE_CUDA_DEVICE_H_
#define PARE_OPS_FAKE_CUDA_DEVICE_H_

#include <ATen/core/Tensor.h>

namespace pare::ops {

// A copy there, or back, with its strides, which counts as no wait.
at::Tensor to_fake_cuda(const at::Tensor& x);
at::Tensor from_fake_cuda(const at::Tensor& x);

// How often a number was read from the device, a tensor copied between it and the host, or host memory given to a
// kernel for its numbers, since the last call.
int take_fake_cuda_waits();

}  // namespace pare::ops

#endif  // PARE_OPS_FAKE_CUDA_DEVICE_H_
