#include "backends/vulkan/memory_block.h"

#include <bit>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {
namespace {

constexpr VkExternalMemoryHandleTypeFlagBits kHostAllocation = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;

}  // namespace

absl::StatusOr<std::unique_ptr<MemoryBlock>> MemoryBlock::allocate(LogicalDevice& device, uint64_t size,
                                                                   const std::vector<uint32_t>& memory_types,
                                                                   bool mapped) {
  const DeviceFunctions& functions = device.functions();
  std::unique_ptr<MemoryBlock> block(new MemoryBlock(device));
  PARE_RETURN_IF_ERROR(block->create_buffer(size, nullptr));
  VkMemoryRequirements requirements;
  functions.GetBufferMemoryRequirements(device.handle(), block->buffer_, &requirements);
  std::optional<uint32_t> chosen;
  for (uint32_t type : memory_types) {
    if (!chosen.has_value() && (requirements.memoryTypeBits & (1u << type)) != 0) chosen = type;
  }
  if (!chosen.has_value()) {
    return absl::InternalError("Vulkan, vkGetBufferMemoryRequirements: none of the planned memory types is allowed");
  }
  VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  info.allocationSize = requirements.size;
  info.memoryTypeIndex = *chosen;
  PARE_RETURN_IF_ERROR(
      device.check(functions.AllocateMemory(device.handle(), &info, nullptr, &block->memory_), "vkAllocateMemory"));
  PARE_RETURN_IF_ERROR(device.check(functions.BindBufferMemory(device.handle(), block->buffer_, block->memory_, 0),
                                    "vkBindBufferMemory"));
  if (mapped) {
    void* address = nullptr;
    PARE_RETURN_IF_ERROR(device.check(
        functions.MapMemory(device.handle(), block->memory_, 0, VK_WHOLE_SIZE, 0, &address), "vkMapMemory"));
    block->mapped_ = static_cast<char*>(address);
  }
  return block;
}

absl::StatusOr<std::unique_ptr<MemoryBlock>> MemoryBlock::import_host(LogicalDevice& device, void* pages,
                                                                      uint64_t size) {
  const DeviceFunctions& functions = device.functions();
  VkMemoryHostPointerPropertiesEXT properties{VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
  PARE_RETURN_IF_ERROR(
      device.check(functions.GetMemoryHostPointerPropertiesEXT(device.handle(), kHostAllocation, pages, &properties),
                   "vkGetMemoryHostPointerPropertiesEXT"));
  std::unique_ptr<MemoryBlock> block(new MemoryBlock(device));
  VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO};
  external.handleTypes = kHostAllocation;
  PARE_RETURN_IF_ERROR(block->create_buffer(size, &external));
  VkMemoryRequirements requirements;
  functions.GetBufferMemoryRequirements(device.handle(), block->buffer_, &requirements);
  uint32_t types = requirements.memoryTypeBits & properties.memoryTypeBits;
  for (uint32_t type = 0; type < device.snapshot().memory_types.size(); ++type) {
    if ((device.snapshot().memory_types[type] & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0) types &= ~(1u << type);
  }
  if (types == 0 || requirements.size > size) {
    return absl::FailedPreconditionError("the host memory cannot be imported as a Vulkan buffer");
  }
  VkImportMemoryHostPointerInfoEXT import{VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT};
  import.handleType = kHostAllocation;
  import.pHostPointer = pages;
  VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  info.pNext = &import;
  info.allocationSize = size;
  info.memoryTypeIndex = std::countr_zero(types);
  PARE_RETURN_IF_ERROR(device.check(functions.AllocateMemory(device.handle(), &info, nullptr, &block->memory_),
                                    "vkAllocateMemory of host memory"));
  PARE_RETURN_IF_ERROR(device.check(functions.BindBufferMemory(device.handle(), block->buffer_, block->memory_, 0),
                                    "vkBindBufferMemory"));
  return block;
}

MemoryBlock::~MemoryBlock() {
  if (buffer_ != VK_NULL_HANDLE) device_.functions().DestroyBuffer(device_.handle(), buffer_, nullptr);
  // Freeing unmaps as well.
  if (memory_ != VK_NULL_HANDLE) device_.functions().FreeMemory(device_.handle(), memory_, nullptr);
}

absl::Status MemoryBlock::create_buffer(uint64_t size, const void* next) {
  size_ = size;
  VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.pNext = next;
  info.size = size;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  return device_.check(device_.functions().CreateBuffer(device_.handle(), &info, nullptr, &buffer_), "vkCreateBuffer");
}

}  // namespace pare::backends::vulkan
