#include "tools/common/device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <atomic>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Stands for a machine with so many GPUs while it lives.
class FakeGpus : public c10::impl::DeviceGuardImplInterface {
 public:
  explicit FakeGpus(c10::DeviceIndex count) : count_(count), real_(slot().exchange(this)) {}
  ~FakeGpus() override { slot().store(real_); }
  FakeGpus(const FakeGpus&) = delete;
  FakeGpus& operator=(const FakeGpus&) = delete;

  c10::DeviceIndex deviceCount() const noexcept override { return count_; }
  c10::DeviceType type() const override { return c10::DeviceType::CUDA; }
  c10::Device exchangeDevice(c10::Device) const override { return getDevice(); }
  c10::Device getDevice() const override { return {c10::DeviceType::CUDA, 0}; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, device);
  }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return stream; }
  void synchronizeStream(const c10::Stream& stream) const override { waited_for = stream.device(); }

  mutable std::optional<c10::Device> waited_for;

 private:
  static std::atomic<const c10::impl::DeviceGuardImplInterface*>& slot() {
    return c10::impl::device_guard_impl_registry[static_cast<size_t>(c10::DeviceType::CUDA)];
  }
  c10::DeviceIndex count_;
  const c10::impl::DeviceGuardImplInterface* real_;
};

absl::Status refusal(std::string_view specification) { return open_device(specification).status(); }

TEST(Device, TheCpuIsAlwaysThere) {
  const absl::StatusOr<c10::Device> device = open_device("cpu");
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(*device, c10::Device(c10::kCPU));
  EXPECT_TRUE(synchronize(*device).ok());
}

TEST(Device, AGpuIsTakenByItsNumber) {
  const FakeGpus two(2);
  EXPECT_EQ(*open_device("cuda"), c10::Device(c10::kCUDA, 0));
  EXPECT_EQ(*open_device("cuda:0"), c10::Device(c10::kCUDA, 0));
  EXPECT_EQ(*open_device("cuda:1"), c10::Device(c10::kCUDA, 1));
  ASSERT_TRUE(synchronize(*open_device("cuda:1")).ok());
  EXPECT_EQ(two.waited_for, c10::Device(c10::kCUDA, 1));
}

TEST(Device, EachProcessOfAMachineHasAGpuOfItsOwn) {
  EXPECT_EQ(*device_of_process(c10::Device(c10::kCPU), 3), c10::Device(c10::kCPU));
  {
    const FakeGpus four(4);
    EXPECT_EQ(*device_of_process(c10::Device(c10::kCUDA, 0), 0), c10::Device(c10::kCUDA, 0));
    EXPECT_EQ(*device_of_process(c10::Device(c10::kCUDA, 0), 3), c10::Device(c10::kCUDA, 3));
    const absl::Status status = device_of_process(c10::Device(c10::kCUDA, 0), 4).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("process 4 of this machine has no GPU of its own"));
  }
  // A scheduler shows each its own, which is then number 0.
  const FakeGpus own(1);
  EXPECT_EQ(*device_of_process(c10::Device(c10::kCUDA, 0), 3), c10::Device(c10::kCUDA, 0));
}

TEST(Device, AnotherWordIsRefusedWithWhatIsExpected) {
  const FakeGpus two(2);
  for (const char* word : {"", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "cuda: 1", "cuda:1 ", "cuda:1,2",
                           "cuda:99999999999", "cpu:0", "xpu", "meta"}) {
    const absl::Status status = refusal(word);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << word;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(word), HasSubstr("expected cpu, cuda (the first GPU) or cuda:N")));
  }
}

TEST(Device, AGpuThatIsNotThereIsRefusedWithThoseThatAre) {
  const FakeGpus two(2);
  EXPECT_EQ(refusal("cuda:2").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refusal("cuda:2").message()), HasSubstr("2 GPUs; expected cuda:0 to cuda:1"));
  // Its number does not fit into LibTorch's.
  EXPECT_THAT(std::string(refusal("cuda:300").message()), HasSubstr("2 GPUs"));
  const FakeGpus one(1);
  EXPECT_THAT(std::string(refusal("cuda:1").message()), HasSubstr("1 GPU; use cuda:0"));
}

TEST(Device, AMachineWithoutAGpuIsToldSo) {
  const FakeGpus none(0);
  EXPECT_EQ(refusal("cuda").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refusal("cuda").message()), AllOf(HasSubstr("finds no GPU"), HasSubstr("nvidia-smi")));
}

TEST(Device, ALibTorchWithoutCudaIsToldSo) {
  if (c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) GTEST_SKIP() << "this LibTorch has CUDA";
  EXPECT_EQ(refusal("cuda:1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refusal("cuda:1").message()), HasSubstr("built without CUDA"));
}

}  // namespace
}  // namespace pare::tools
