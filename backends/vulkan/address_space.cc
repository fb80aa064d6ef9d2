#include "backends/vulkan/address_space.h"

#include <sys/mman.h>

#include <optional>

namespace pare::backends::vulkan {
namespace {

constexpr uint64_t kWanted = uint64_t{1} << 42;
constexpr uint64_t kLeast = uint64_t{1} << 34;

struct Reservation {
  char* base = nullptr;
  uint64_t size = 0;
};

// A process may be limited in the addresses it has: less is better than none.
Reservation reserve_from_system() {
  for (uint64_t size = kWanted; size >= kLeast; size /= 2) {
    void* base = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base != MAP_FAILED) return {static_cast<char*>(base), size};
  }
  return {};
}

const Reservation& reservation() {
  static const Reservation reservation = reserve_from_system();
  return reservation;
}

}  // namespace

AddressSpace& AddressSpace::get() {
  static auto* const space = new AddressSpace;  // Never destroyed: devices may outlive static objects.
  return *space;
}

AddressSpace::AddressSpace() : base_(reservation().base), size_(reservation().size), ranges_(reservation().size) {}

absl::StatusOr<char*> AddressSpace::reserve(uint64_t size, Device* owner) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::optional<uint64_t> offset = ranges_.allocate(size);
  if (!offset.has_value()) {
    return absl::ResourceExhaustedError(
        "no addresses are left for Vulkan device memory: is there a limit (ulimit -v)?");
  }
  owners_[*offset] = owner;
  return base_ + *offset;
}

void AddressSpace::release(char* address) {
  if (address == nullptr) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  owners_.erase(address - base_);
  ranges_.free(address - base_);
}

bool AddressSpace::contains(const void* address) const {
  const uint64_t offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(base_);
  return offset < size_;
}

Device* AddressSpace::owner(const void* address) const {
  if (!contains(address)) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto part = ranges_.find(static_cast<const char*>(address) - base_);
  return part.has_value() ? owners_.at(part->offset) : nullptr;
}

}  // namespace pare::backends::vulkan
