#include "backends/vulkan/device.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include "backends/vulkan/address_space.h"
#include "backends/vulkan/device_state.h"
#include "backends/vulkan/instance.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {
namespace {

std::vector<DeviceSnapshot> snapshots(const Instance& instance) {
  std::vector<DeviceSnapshot> all;
  for (const PhysicalDevice& device : instance.devices) all.push_back(device.snapshot);
  return all;
}

// The devices that are open, never closed: a driver may be gone already when static objects are destroyed.
struct OpenDevices {
  std::mutex mutex;  // guards the others
  std::map<size_t, Device*> by_index;
  Device* selected = nullptr;
};

OpenDevices& open_devices() {
  static auto* const devices = new OpenDevices;
  return *devices;
}

// A thread that still computes keeps its device, and this run's new pipelines are compiled once more by the next.
void save_pipelines_at_exit() {
  OpenDevices& devices = open_devices();
  if (!devices.mutex.try_lock()) return;
  for (const auto& [index, device] : devices.by_index) {
    if (!device->state().mutex.try_lock()) continue;
    device->state().pipelines().save();
    device->state().mutex.unlock();
  }
  devices.mutex.unlock();
}

// Expects devices.mutex to be held.
absl::StatusOr<Device*> open_and_select(OpenDevices& devices, std::string_view name) {
  PARE_ASSIGN_OR_RETURN(const Instance* instance, instance());
  PARE_ASSIGN_OR_RETURN(const size_t index, choose_device(snapshots(*instance), name));
  Device*& device = devices.by_index[index];
  if (device == nullptr) {
    absl::StatusOr<std::unique_ptr<Device>> opened = DeviceState::open(index, {});
    if (!opened.ok()) {
      devices.by_index.erase(index);
      return opened.status();
    }
    // Registered once a driver is loaded, so that it runs before the driver's own cleaning up.
    if (devices.by_index.size() == 1) std::atexit(save_pipelines_at_exit);
    device = opened->release();
  }
  devices.selected = device;
  return device;
}

}  // namespace

Device::Device(std::unique_ptr<DeviceState> state) : state_(std::move(state)) {}

Device::~Device() = default;

const DeviceProperties& Device::properties() const { return state_->properties(); }

absl::StatusOr<void*> Device::allocate(size_t bytes) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  PARE_ASSIGN_OR_RETURN(char* address, state_->allocate(bytes));
  return address;
}

absl::Status Device::free(void* pointer) {
  if (pointer == nullptr) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->pool().free(pointer);
}

absl::Status Device::trim() {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  PARE_RETURN_IF_ERROR(state_->batch().wait());
  state_->pool().trim();
  return absl::OkStatus();
}

absl::Status Device::copy_to_device(void* to, const void* from, size_t bytes) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  if (bytes == 0) return state_->logical().status();
  PARE_ASSIGN_OR_RETURN(const Buffer buffer, state_->find(to, bytes));
  return state_->upload(buffer, from);
}

absl::Status Device::copy_to_host(void* to, const void* from, size_t bytes) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  if (bytes == 0) return state_->batch().wait();
  PARE_ASSIGN_OR_RETURN(const Buffer buffer, state_->find(from, bytes));
  return state_->download(to, buffer);
}

absl::Status Device::copy(void* to, const void* from, size_t bytes) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  if (bytes == 0) return state_->logical().status();
  PARE_ASSIGN_OR_RETURN(const Buffer source, state_->find(from, bytes));
  PARE_ASSIGN_OR_RETURN(const Buffer target, state_->find(to, bytes));
  return state_->batch().copy(source, target);
}

absl::Status Device::synchronize() {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->batch().wait();
}

DeviceStatistics Device::statistics() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  DeviceStatistics statistics;
  statistics.memory = state_->pool().statistics();
  statistics.dispatches = state_->batch().dispatches();
  statistics.submissions = state_->batch().submissions();
  statistics.imported_bytes = state_->imported_bytes;
  statistics.staged_bytes = state_->staged_bytes;
  return statistics;
}

absl::StatusOr<std::vector<DeviceProperties>> list_devices() {
  PARE_ASSIGN_OR_RETURN(const Instance* instance, instance());
  if (instance->devices.empty()) return choose_device({}, "").status();
  std::vector<DeviceProperties> all;
  for (size_t i = 0; i < instance->devices.size(); ++i) {
    all.push_back(describe_device(i, instance->devices[i].snapshot));
  }
  return all;
}

absl::StatusOr<Device*> select_device(std::string_view name) {
  OpenDevices& devices = open_devices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  return open_and_select(devices, name);
}

absl::StatusOr<Device*> selected_device() {
  OpenDevices& devices = open_devices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  if (devices.selected != nullptr) return devices.selected;
  return open_and_select(devices, "");
}

absl::StatusOr<size_t> selected_index() {
  OpenDevices& devices = open_devices();
  const std::lock_guard<std::mutex> lock(devices.mutex);
  if (devices.selected != nullptr) return devices.selected->properties().index;
  PARE_ASSIGN_OR_RETURN(const Instance* instance, instance());
  return choose_device(snapshots(*instance), "");
}

Device* device_of(const void* pointer) { return AddressSpace::get().owner(pointer); }

}  // namespace pare::backends::vulkan
