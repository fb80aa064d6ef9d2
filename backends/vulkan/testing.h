// backends/vulkan/testing.h: tests on a device: skipped where there is none, failed by any word of the validation
// layer.
//
//   class CallTest : public VulkanTest {};
//   TEST_F(CallTest, AddsInPlace) { float* x = to_device(numbers); ... EXPECT_THAT(to_host(x, 3), ElementsAre(...)); }

#ifndef PARE_BACKENDS_VULKAN_TESTING_H_
#define PARE_BACKENDS_VULKAN_TESTING_H_

#include <memory>
#include <vector>

#include "backends/vulkan/device.h"
#include "backends/vulkan/device_state.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {

class VulkanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto selected = selected_device();
    if (!selected.ok()) GTEST_SKIP() << "no Vulkan device: " << selected.status();
    device_ = *selected;
    take_validation_messages();
  }

  void TearDown() override {
    if (device_ != nullptr) {
      EXPECT_EQ(device_->synchronize(), absl::OkStatus());
    }
    own_.reset();
    for (const std::string& message : take_validation_messages()) ADD_FAILURE() << message;
  }

  // A second opening of the same device, as `options` want it: the one that all below is about from then on. It is
  // closed at the end of the test, so that the validation layer tells of what was not freed.
  void reopen(const DeviceOptions& options) {
    auto opened = DeviceState::open(device_->properties().index, options);
    ASSERT_EQ(opened.status(), absl::OkStatus());
    own_ = *std::move(opened);
    device_ = own_.get();
  }

  template <typename T>
  T* allocate(size_t count) {
    const auto pointer = device_->allocate(count * sizeof(T));
    EXPECT_EQ(pointer.status(), absl::OkStatus());
    return pointer.ok() ? static_cast<T*>(*pointer) : nullptr;
  }

  template <typename T>
  T* to_device(const std::vector<T>& values) {
    T* pointer = allocate<T>(values.size());
    EXPECT_EQ(device_->copy_to_device(pointer, values.data(), values.size() * sizeof(T)), absl::OkStatus());
    return pointer;
  }

  template <typename T>
  std::vector<T> to_host(const T* pointer, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(device_->copy_to_host(values.data(), pointer, count * sizeof(T)), absl::OkStatus());
    return values;
  }

  Device* device_ = nullptr;

 private:
  std::unique_ptr<Device> own_;
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_TESTING_H_
