#include "backends/vulkan/command_batch.h"

#include <algorithm>
#include <limits>

#include "base/status_macros.h"

namespace pare::backends::vulkan {
namespace {

// A submission costs some ten microseconds, a dispatch about one; what waits longer leaves the device idle.
constexpr int kMaxCommands = 128;
// Above this, looking for overlaps costs more than a barrier.
constexpr size_t kMaxTouched = 64;

constexpr uint32_t kSetsPerPage = 64;
constexpr uint32_t kDescriptorsPerPage = 6 * kSetsPerPage;

constexpr VkPipelineStageFlags kWork = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kWrites = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkAccessFlags kAll = kWrites | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;

bool conflict(const Buffer& a, const Buffer& b) {
  return a.handle == b.handle && (a.written || b.written) && a.offset < b.offset + b.bytes &&
         b.offset < a.offset + a.bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CommandBatch>> CommandBatch::create(LogicalDevice& device) {
  std::unique_ptr<CommandBatch> batch(new CommandBatch(device));
  for (Frame& frame : batch->frames_) PARE_RETURN_IF_ERROR(batch->create_frame(frame));
  return batch;
}

CommandBatch::~CommandBatch() {
  const DeviceFunctions& functions = device_.functions();
  functions.DeviceWaitIdle(device_.handle());
  for (const Frame& frame : frames_) {
    for (VkDescriptorPool page : frame.pages) functions.DestroyDescriptorPool(device_.handle(), page, nullptr);
    if (frame.fence != VK_NULL_HANDLE) functions.DestroyFence(device_.handle(), frame.fence, nullptr);
    if (frame.pool != VK_NULL_HANDLE) functions.DestroyCommandPool(device_.handle(), frame.pool, nullptr);
  }
}

absl::Status CommandBatch::create_frame(Frame& frame) {
  const DeviceFunctions& functions = device_.functions();
  VkCommandPoolCreateInfo pool{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
  pool.queueFamilyIndex = device_.plan().queue_family;
  PARE_RETURN_IF_ERROR(
      device_.check(functions.CreateCommandPool(device_.handle(), &pool, nullptr, &frame.pool), "vkCreateCommandPool"));
  VkCommandBufferAllocateInfo commands{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  commands.commandPool = frame.pool;
  commands.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  commands.commandBufferCount = 1;
  PARE_RETURN_IF_ERROR(device_.check(functions.AllocateCommandBuffers(device_.handle(), &commands, &frame.commands),
                                     "vkAllocateCommandBuffers"));
  VkFenceCreateInfo fence{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  return device_.check(functions.CreateFence(device_.handle(), &fence, nullptr, &frame.fence), "vkCreateFence");
}

absl::Status CommandBatch::begin() {
  PARE_RETURN_IF_ERROR(device_.status());
  if (recording_) return absl::OkStatus();
  Frame& frame = this->frame();
  if (frame.submission > done_) PARE_RETURN_IF_ERROR(wait_for(frame.submission));
  const DeviceFunctions& functions = device_.functions();
  PARE_RETURN_IF_ERROR(
      device_.check(functions.ResetCommandPool(device_.handle(), frame.pool, 0), "vkResetCommandPool"));
  for (VkDescriptorPool page : frame.pages) {
    PARE_RETURN_IF_ERROR(
        device_.check(functions.ResetDescriptorPool(device_.handle(), page, 0), "vkResetDescriptorPool"));
  }
  frame.page = 0;
  VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  PARE_RETURN_IF_ERROR(device_.check(functions.BeginCommandBuffer(frame.commands, &begin), "vkBeginCommandBuffer"));
  recording_ = true;
  commands_ = 0;
  return absl::OkStatus();
}

void CommandBatch::barrier(VkPipelineStageFlags later, VkAccessFlags access) {
  VkMemoryBarrier memory{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  memory.srcAccessMask = kWrites;
  memory.dstAccessMask = access;
  device_.functions().CmdPipelineBarrier(frame().commands, kWork, later, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

void CommandBatch::order(absl::Span<const Buffer> ranges) {
  const bool conflicts = std::any_of(ranges.begin(), ranges.end(), [&](const Buffer& range) {
    return std::any_of(touched_.begin(), touched_.end(), [&](const Buffer& before) { return conflict(range, before); });
  });
  if (conflicts || dropped_ || touched_.size() > kMaxTouched) {
    barrier(kWork, kAll);
    touched_.clear();
    dropped_ = false;
  }
  touched_.insert(touched_.end(), ranges.begin(), ranges.end());
}

absl::Status CommandBatch::recorded() { return ++commands_ >= kMaxCommands ? submit() : absl::OkStatus(); }

absl::StatusOr<VkDescriptorSet> CommandBatch::allocate_set(VkDescriptorSetLayout layout) {
  const DeviceFunctions& functions = device_.functions();
  Frame& frame = this->frame();
  while (true) {
    const bool fresh = frame.page == frame.pages.size();
    if (fresh) {
      const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kDescriptorsPerPage};
      VkDescriptorPoolCreateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
      info.maxSets = kSetsPerPage;
      info.poolSizeCount = 1;
      info.pPoolSizes = &size;
      VkDescriptorPool page = VK_NULL_HANDLE;
      PARE_RETURN_IF_ERROR(device_.check(functions.CreateDescriptorPool(device_.handle(), &info, nullptr, &page),
                                         "vkCreateDescriptorPool"));
      frame.pages.push_back(page);
    }
    VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    info.descriptorPool = frame.pages[frame.page];
    info.descriptorSetCount = 1;
    info.pSetLayouts = &layout;
    VkDescriptorSet set = VK_NULL_HANDLE;
    const VkResult result = functions.AllocateDescriptorSets(device_.handle(), &info, &set);
    if (result == VK_SUCCESS) return set;
    const bool full = result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_FRAGMENTED_POOL;
    if (!full || fresh) return device_.check(result, "vkAllocateDescriptorSets");
    ++frame.page;
  }
}

absl::Status CommandBatch::dispatch(const Pipeline& pipeline, absl::Span<const Buffer> buffers,
                                    absl::Span<const uint8_t> push_constants, uint32_t groups) {
  PARE_RETURN_IF_ERROR(begin());
  const DeviceFunctions& functions = device_.functions();
  PARE_ASSIGN_OR_RETURN(const VkDescriptorSet set, allocate_set(pipeline.set_layout));
  std::array<VkDescriptorBufferInfo, kMaxBindings> infos;
  std::array<VkWriteDescriptorSet, kMaxBindings> writes;
  for (size_t i = 0; i < buffers.size(); ++i) {
    infos[i] = {buffers[i].handle, buffers[i].offset, buffers[i].bytes};
    writes[i] = VkWriteDescriptorSet{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    writes[i].dstSet = set;
    writes[i].dstBinding = i;
    writes[i].descriptorCount = 1;
    writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[i].pBufferInfo = &infos[i];
  }
  functions.UpdateDescriptorSets(device_.handle(), buffers.size(), writes.data(), 0, nullptr);
  order(buffers);
  const VkCommandBuffer commands = frame().commands;
  functions.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
  functions.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1, &set, 0, nullptr);
  if (!push_constants.empty()) {
    functions.CmdPushConstants(commands, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_constants.size(),
                               push_constants.data());
  }
  functions.CmdDispatch(commands, groups, 1, 1);
  ++dispatches_;
  return recorded();
}

absl::Status CommandBatch::copy(const Buffer& from, const Buffer& to) {
  PARE_RETURN_IF_ERROR(begin());
  const Buffer ranges[] = {{from.handle, from.offset, from.bytes, false}, {to.handle, to.offset, from.bytes, true}};
  order(ranges);
  const VkBufferCopy region{from.offset, to.offset, from.bytes};
  device_.functions().CmdCopyBuffer(frame().commands, from.handle, to.handle, 1, &region);
  return recorded();
}

absl::Status CommandBatch::fill(const Buffer& range, uint32_t value) {
  PARE_RETURN_IF_ERROR(begin());
  const Buffer ranges[] = {{range.handle, range.offset, range.bytes, true}};
  order(ranges);
  device_.functions().CmdFillBuffer(frame().commands, range.handle, range.offset, range.bytes, value);
  return recorded();
}

absl::Status CommandBatch::update(const Buffer& range, const void* data) {
  PARE_RETURN_IF_ERROR(begin());
  const Buffer ranges[] = {{range.handle, range.offset, range.bytes, true}};
  order(ranges);
  device_.functions().CmdUpdateBuffer(frame().commands, range.handle, range.offset, range.bytes, data);
  return recorded();
}

absl::Status CommandBatch::submit() {
  PARE_RETURN_IF_ERROR(device_.status());
  if (!recording_) return absl::OkStatus();
  recording_ = false;
  // Until it is submitted: its barriers may be lost with it.
  dropped_ = true;
  Frame& frame = this->frame();
  const DeviceFunctions& functions = device_.functions();
  barrier(VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
  PARE_RETURN_IF_ERROR(device_.check(functions.EndCommandBuffer(frame.commands), "vkEndCommandBuffer"));
  VkSubmitInfo info{VK_STRUCTURE_TYPE_SUBMIT_INFO};
  info.commandBufferCount = 1;
  info.pCommandBuffers = &frame.commands;
  PARE_RETURN_IF_ERROR(device_.check(functions.QueueSubmit(device_.queue(), 1, &info, frame.fence), "vkQueueSubmit"));
  dropped_ = false;
  frame.submission = next_++;
  return absl::OkStatus();
}

absl::Status CommandBatch::wait() {
  // What was submitted before an error still runs, and may use what the caller takes away next.
  absl::Status status = submit();
  status.Update(wait_for(next_ - 1));
  return status;
}

absl::Status CommandBatch::wait_for(uint64_t submission) {
  if (submission == next_) PARE_RETURN_IF_ERROR(submit());
  PARE_RETURN_IF_ERROR(device_.status());
  const DeviceFunctions& functions = device_.functions();
  while (done_ < std::min(submission, next_ - 1)) {
    Frame& frame = frames_[(done_ + 1) % frames_.size()];
    PARE_RETURN_IF_ERROR(device_.check(
        functions.WaitForFences(device_.handle(), 1, &frame.fence, VK_TRUE, std::numeric_limits<uint64_t>::max()),
        "vkWaitForFences"));
    PARE_RETURN_IF_ERROR(device_.check(functions.ResetFences(device_.handle(), 1, &frame.fence), "vkResetFences"));
    ++done_;
  }
  return absl::OkStatus();
}

}  // namespace pare::backends::vulkan
