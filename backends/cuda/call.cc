#include "backends/cuda/call.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pare::backends::cuda {

Call::Call() {
  absl::StatusOr<Driver*> driver = current_driver();
  fail(driver.status());
  if (!driver.ok()) return;
  absl::StatusOr<DeviceProperties> device = (*driver)->current_device();
  fail(device.status());
  if (!device.ok()) return;
  driver_ = *driver;
  device_ = *std::move(device);
}

Call::~Call() {
  for (void* pointer : scratch_) driver_->free(pointer);
}

void* Call::take_scratch(uint64_t bytes) {
  if (!status_.ok()) return nullptr;
  absl::StatusOr<void*> pointer = driver_->allocate(static_cast<int64_t>(bytes));
  if (!pointer.ok()) {
    fail(pointer.status());
    return nullptr;
  }
  scratch_.push_back(*pointer);
  return *pointer;
}

void* Call::bind(void* pointer, int64_t bytes, bool read, bool written) {
  if (!status_.ok() || pointer == nullptr || bytes == 0) return pointer;
  const int owner = driver_->device_of(pointer);
  if (owner >= 0) {
    if (owner != device_.index) {
      fail(absl::InvalidArgumentError(absl::StrCat("a tensor lies on CUDA device ", owner, ", but device ",
                                                   device_.index, " is selected: move it, or select its device")));
    }
    return pointer;
  }
  const auto known =
      std::find_if(mirrors_.begin(), mirrors_.end(), [&](const Mirror& mirror) { return mirror.host == pointer; });
  if (known != mirrors_.end() && known->bytes >= bytes) {
    known->is_written |= written;
    return known->device;
  }
  void* const device = take_scratch(bytes);
  if (device == nullptr) return nullptr;
  mirrors_.push_back({pointer, bytes, device, written});
  if (read) fail(driver_->copy_from_host(device, pointer, bytes));
  return device;
}

void Call::start(const KernelName& kernel, uint64_t blocks, uint32_t threads, absl::Span<const Argument> arguments) {
  if (!status_.ok() || blocks == 0) return;
  if (blocks > std::numeric_limits<int32_t>::max()) {
    return fail(absl::ResourceExhaustedError(
        absl::StrCat("CUDA kernel ", kernel.name, ": a tensor that takes ", blocks, " blocks is too large")));
  }
  fail(driver_->launch(kernel, {static_cast<uint32_t>(blocks), threads}, arguments));
}

void Call::check_channels(const Layout& layout) {
  if (layout.channels > std::numeric_limits<int32_t>::max()) {
    fail(absl::ResourceExhaustedError(
        absl::StrCat("CUDA kernels take at most 2^31 - 1 channels, but there are ", layout.channels)));
  }
}

absl::Status Call::finish() {
  for (const Mirror& mirror : mirrors_) {
    if (mirror.is_written && status_.ok()) fail(driver_->copy_to_host(mirror.host, mirror.device, mirror.bytes));
  }
  return status_;
}

}  // namespace pare::backends::cuda
