// backends/vulkan/buffer.h: bytes of device memory that a shader binds, and what is done with them.

#ifndef PARE_BACKENDS_VULKAN_BUFFER_H_
#define PARE_BACKENDS_VULKAN_BUFFER_H_

#include <cstdint>

#include "backends/vulkan/functions.h"

namespace pare::backends::vulkan {

struct Buffer {
  VkBuffer handle = VK_NULL_HANDLE;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  bool written = false;    // a dispatch may write to it; else it only reads
  char* mapped = nullptr;  // where the host sees these bytes, or null

  // `size` bytes of it from byte `begin`, which is a multiple of 256 where a shader binds them. Past the end, what is
  // there.
  Buffer range(uint64_t begin, uint64_t size) const {
    Buffer part = *this;
    begin = begin < bytes ? begin : bytes;
    part.offset += begin;
    part.bytes = size < bytes - begin ? size : bytes - begin;
    if (mapped != nullptr) part.mapped += begin;
    return part;
  }

  // The same for a dispatch that only reads: the next one that reads it need not wait.
  Buffer read_only() const {
    Buffer same = *this;
    same.written = false;
    return same;
  }
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_BUFFER_H_
