#include "backends/vulkan/call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "backends/vulkan/address_space.h"
#include "backends/vulkan/device_state.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {
namespace {

// What shaders read and write at once: 4 floats.
constexpr uint64_t kGroupBytes = 16;

uint64_t round_up(uint64_t bytes, uint64_t multiple) { return (bytes + multiple - 1) / multiple * multiple; }

absl::StatusOr<Device*> device_of(std::initializer_list<const void*> pointers, Device* host_device) {
  Device* device = nullptr;
  for (const void* pointer : pointers) {
    if (!AddressSpace::get().contains(pointer)) continue;
    Device* owner = AddressSpace::get().owner(pointer);
    if (owner == nullptr) {
      return absl::InvalidArgumentError("a kernel was given Vulkan memory that was freed");
    }
    if (device != nullptr && device != owner) {
      return absl::InvalidArgumentError(absl::StrCat("a kernel was given memory of two Vulkan devices: '",
                                                     device->properties().name, "' and '", owner->properties().name,
                                                     "'; copy one side's tensors to the other"));
    }
    device = owner;
  }
  if (device != nullptr) return device;
  if (host_device != nullptr) return host_device;
  return selected_device();
}

}  // namespace

Call::Call(std::initializer_list<const void*> pointers, Device* host_device) {
  absl::StatusOr<Device*> device = device_of(pointers, host_device);
  if (!device.ok()) {
    status_ = device.status();
    return;
  }
  state_ = &(*device)->state();
  state_->mutex.lock();
  status_ = state_->logical().status();
}

Call::~Call() { release(); }

void Call::release() {
  if (state_ == nullptr) return;
  // What uses the caller's own memory must have ended, after an error as well.
  const bool imported =
      std::any_of(mirrors_.begin(), mirrors_.end(), [](const Mirror& m) { return m.import != nullptr; });
  if (imported) state_->batch().wait().IgnoreError();
  mirrors_.clear();
  for (char* address : scratch_) state_->free(address);
  scratch_.clear();
  state_->mutex.unlock();
  state_ = nullptr;
}

const DevicePlan& Call::plan() const {
  static const auto* const none = new DevicePlan;
  return state_ != nullptr ? state_->plan() : *none;
}

absl::StatusOr<Buffer> Call::take_scratch(uint64_t bytes) {
  PARE_ASSIGN_OR_RETURN(char* address, state_->allocate(bytes));
  scratch_.push_back(address);
  PARE_ASSIGN_OR_RETURN(Buffer buffer, state_->find(address, bytes));
  buffer.written = true;
  return buffer;
}

Buffer Call::scratch(uint64_t bytes) {
  if (!usable()) return {};
  absl::StatusOr<Buffer> buffer = take_scratch(std::max<uint64_t>(bytes, 1));
  fail(buffer.status());
  return buffer.ok() ? *buffer : Buffer();
}

void Call::fill(const Buffer& buffer, uint32_t value) {
  if (!usable() || buffer.bytes == 0) return;
  Buffer words = buffer;
  words.bytes = round_up(buffer.bytes, 4);
  fail(state_->batch().fill(words, value));
}

void Call::copy(const Buffer& from, const Buffer& to) {
  if (usable() && from.bytes > 0) fail(state_->batch().copy(from, to));
}

Buffer Call::constants(const void* data, uint64_t bytes) {
  const Buffer buffer = scratch(bytes);
  if (usable()) fail(state_->batch().update(buffer, data));
  return buffer.read_only();
}

Buffer Call::bind(const void* pointer, uint64_t bytes, bool read, bool written) {
  if (!usable()) return {};
  if (bytes == 0) {
    Buffer nothing = state_->nothing();
    nothing.bytes = 0;
    nothing.mapped = nullptr;
    return nothing;
  }
  char* const address = const_cast<char*>(static_cast<const char*>(pointer));
  if (address == nullptr) {
    fail(absl::InvalidArgumentError(
        absl::StrCat("a kernel was given a null pointer for a tensor of ", bytes, " bytes")));
    return {};
  }
  const bool host = !AddressSpace::get().contains(pointer);
  const auto bound = [&]() -> absl::StatusOr<Buffer> {
    if (!host) {
      PARE_ASSIGN_OR_RETURN(Buffer buffer, state_->find(pointer, bytes));
      const bool overlaps_mirror = std::any_of(mirrors_.begin(), mirrors_.end(), [&](const Mirror& mirror) {
        return address < mirror.pointer + mirror.bytes && mirror.pointer < address + bytes;
      });
      // Whole groups are written: behind the end there must be nothing of anyone else.
      const bool ends_well = !written || bytes % kGroupBytes == 0 || state_->pool().find(pointer)->available == bytes;
      if (!overlaps_mirror && ends_well && buffer.offset % plan().offset_alignment == 0) {
        buffer.written = written;
        return buffer;
      }
    }
    return bind_mirror(address, bytes, host, read, written);
  }();
  host_memory_ |= host;
  fail(bound.status());
  return bound.ok() ? *bound : Buffer();
}

absl::StatusOr<Buffer> Call::bind_mirror(char* pointer, uint64_t bytes, bool host, bool read, bool written) {
  for (Mirror& mirror : mirrors_) {
    if (pointer >= mirror.pointer + mirror.bytes || mirror.pointer >= pointer + bytes) continue;
    if (mirror.pointer != pointer || mirror.bytes != bytes) {
      if (!written && !mirror.write_back) continue;
      return absl::InvalidArgumentError("an output of a kernel overlaps another of its tensors in part");
    }
    // The same tensor again: an output that is its own input, or a result that the next dispatch reads.
    if (read && !mirror.filled && !dispatched_) PARE_RETURN_IF_ERROR(fill_mirror(mirror));
    mirror.write_back |= written;
    Buffer buffer = mirror.buffer;
    buffer.written = written;
    return buffer;
  }
  Mirror mirror{pointer, bytes, host};
  mirror.write_back = written;
  if (host && can_import(pointer, bytes)) import(mirror);
  if (mirror.import == nullptr) {
    PARE_ASSIGN_OR_RETURN(mirror.buffer, take_scratch(bytes));
  }
  if (read) PARE_RETURN_IF_ERROR(fill_mirror(mirror));
  mirror.buffer.written = written;
  mirrors_.push_back(std::move(mirror));
  return mirrors_.back().buffer;
}

absl::Status Call::fill_mirror(Mirror& mirror) {
  mirror.filled = true;
  if (mirror.import != nullptr) return absl::OkStatus();
  if (mirror.host) return state_->upload(mirror.buffer, mirror.pointer);
  PARE_ASSIGN_OR_RETURN(const Buffer original, state_->find(mirror.pointer, mirror.bytes));
  return state_->batch().copy(original, mirror.buffer);
}

bool Call::can_import(const char* pointer, uint64_t bytes) const {
  const DevicePlan& plan = state_->plan();
  return plan.host_import && bytes >= plan.host_import_minimum && bytes % kGroupBytes == 0 &&
         reinterpret_cast<uintptr_t>(pointer) % plan.offset_alignment == 0;
}

// Nothing happens if the driver refuses the memory (a file's pages, say): it is copied then.
void Call::import(Mirror& mirror) {
  // The pages that the tensor touches. Of what else lies there nothing is read or written.
  const uint64_t alignment = state_->plan().host_import_alignment;
  const uint64_t before = reinterpret_cast<uintptr_t>(mirror.pointer) % alignment;
  const uint64_t size = round_up(before + mirror.bytes, alignment);
  if (size > state_->plan().allocation_bytes) return;
  absl::StatusOr<std::unique_ptr<MemoryBlock>> block =
      MemoryBlock::import_host(state_->logical(), mirror.pointer - before, size);
  if (!block.ok()) return;
  mirror.import = *std::move(block);
  mirror.buffer = {mirror.import->buffer(), before, mirror.bytes, false, nullptr};
  state_->imported_bytes += mirror.bytes;
}

uint64_t Call::loop_groups(uint64_t invocations) const {
  if (state_ == nullptr) return 0;
  const uint64_t local_size = state_->plan().local_size;
  return std::min<uint64_t>((invocations + local_size - 1) / local_size, state_->plan().loop_groups);
}

void Call::record(const Shader& shader, absl::Span<const Buffer> buffers, absl::Span<const uint8_t> push,
                  absl::Span<const uint32_t> constants, uint64_t groups) {
  if (!usable() || groups == 0) return;
  const DevicePlan& plan = state_->plan();
  if (groups > plan.max_groups) {
    return fail(absl::InternalError(absl::StrCat("the shader ", shader.name, " wants ", groups, " workgroups where ",
                                                 plan.max_groups, " are allowed")));
  }
  absl::StatusOr<const Pipeline*> pipeline = state_->pipelines().get(shader, buffers.size(), constants);
  if (!pipeline.ok()) return fail(pipeline.status());
  std::vector<Buffer> bound(buffers.begin(), buffers.end());
  for (Buffer& buffer : bound) {
    buffer.bytes = std::max(round_up(buffer.bytes, kGroupBytes), kGroupBytes);
    if (buffer.bytes > plan.buffer_range || buffer.offset % plan.offset_alignment != 0) {
      return fail(absl::UnimplementedError(
          absl::StrCat("the shader ", shader.name, " binds ", buffer.bytes, " bytes at offset ", buffer.offset,
                       ", but the Vulkan device '", state_->properties().name, "' binds at most ", plan.buffer_range,
                       " bytes, at multiples of ", plan.offset_alignment)));
    }
  }
  dispatched_ = true;
  fail(state_->batch().dispatch(**pipeline, bound, push, groups));
}

absl::Status Call::read(const Buffer& buffer, void* to) {
  if (usable()) fail(state_->download(to, buffer));
  return status_;
}

absl::Status Call::write_back() {
  for (const Mirror& mirror : mirrors_) {
    if (!mirror.write_back || mirror.import != nullptr) continue;
    if (mirror.host) {
      PARE_RETURN_IF_ERROR(state_->download(mirror.pointer, mirror.buffer));
    } else {
      PARE_ASSIGN_OR_RETURN(const Buffer original, state_->find(mirror.pointer, mirror.bytes));
      PARE_RETURN_IF_ERROR(state_->batch().copy(mirror.buffer, original));
    }
  }
  return host_memory_ ? state_->batch().wait() : absl::OkStatus();
}

absl::Status Call::finish() {
  if (state_ != nullptr && status_.ok()) fail(write_back());
  release();
  return status_;
}

}  // namespace pare::backends::vulkan
