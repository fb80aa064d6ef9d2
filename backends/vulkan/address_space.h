// backends/vulkan/address_space.h: the addresses that stand for device memory.
//
// A device pointer is an address out of one large range that is reserved from the system and never backed by memory:
// pointer arithmetic works on it, no host object can lie there, and touching it from the host is a fault at once. From
// the address alone follow the device and the memory block. Safe to call from any thread.

#ifndef PARE_BACKENDS_VULKAN_ADDRESS_SPACE_H_
#define PARE_BACKENDS_VULKAN_ADDRESS_SPACE_H_

#include <cstdint>
#include <map>
#include <mutex>

#include "absl/status/statusor.h"
#include "backends/vulkan/range_allocator.h"

namespace pare::backends::vulkan {

class Device;

class AddressSpace {
 public:
  // The process has one.
  static AddressSpace& get();

  // Error: ResourceExhausted.
  absl::StatusOr<char*> reserve(uint64_t size, Device* owner);
  // What reserve() returned; null is ignored.
  void release(char* address);

  // Whether the address lies in the reserved range: it is then no host memory, whether or not it is in use.
  bool contains(const void* address) const;
  // The device that the address belongs to; null if none.
  Device* owner(const void* address) const;

 private:
  AddressSpace();

  char* base_ = nullptr;
  uint64_t size_ = 0;
  mutable std::mutex mutex_;
  RangeAllocator ranges_;               // guarded by mutex_
  std::map<uint64_t, Device*> owners_;  // by offset; guarded by mutex_
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_ADDRESS_SPACE_H_
