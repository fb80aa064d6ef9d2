#include "backends/vulkan/pipelines.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "backends/vulkan/float_controls.h"
#include "base/cache_file.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {
namespace {

// All that must be the same for what a driver has compiled to be of use to it.
std::string identity(const DeviceSnapshot& device) {
  std::string text(reinterpret_cast<const char*>(device.pipeline_cache_uuid.data()), device.pipeline_cache_uuid.size());
  absl::StrAppend(&text, " ", device.vendor_id, " ", device.device_id, " ", device.driver_version);
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pipelines>> Pipelines::create(LogicalDevice& device, const std::string& cache_folder) {
  std::unique_ptr<Pipelines> pipelines(new Pipelines(device));
  std::string saved;
  if (!cache_folder.empty()) {
    pipelines->cache_path_ = cache_path(cache_folder, "vulkan", identity(device.snapshot()));
    saved = read_cache(pipelines->cache_path_, identity(device.snapshot()));
  }
  VkPipelineCacheCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  info.initialDataSize = saved.size();
  info.pInitialData = saved.data();
  const auto create = [&] {
    return device.functions().CreatePipelineCache(device.handle(), &info, nullptr, &pipelines->cache_);
  };
  VkResult result = create();
  if (result != VK_SUCCESS && result != VK_ERROR_DEVICE_LOST && info.initialDataSize > 0) {
    // A driver that does not take what it has written itself starts anew.
    info.initialDataSize = 0;
    result = create();
  }
  PARE_RETURN_IF_ERROR(device.check(result, "vkCreatePipelineCache"));
  return pipelines;
}

Pipelines::~Pipelines() {
  save();
  const DeviceFunctions& functions = device_.functions();
  for (const auto& [key, pipeline] : pipelines_) functions.DestroyPipeline(device_.handle(), pipeline.handle, nullptr);
  for (const Layout& layout : layouts_) {
    if (layout.pipeline != VK_NULL_HANDLE) {
      functions.DestroyPipelineLayout(device_.handle(), layout.pipeline, nullptr);
    }
    if (layout.set != VK_NULL_HANDLE) functions.DestroyDescriptorSetLayout(device_.handle(), layout.set, nullptr);
  }
  if (cache_ != VK_NULL_HANDLE) functions.DestroyPipelineCache(device_.handle(), cache_, nullptr);
}

absl::StatusOr<const Pipeline*> Pipelines::get(const Shader& shader, uint32_t buffers,
                                               absl::Span<const uint32_t> constants) {
  const Key key{&shader, buffers, std::vector<uint32_t>(constants.begin(), constants.end())};
  const auto found = pipelines_.find(key);
  if (found != pipelines_.end()) return &found->second;
  if (buffers > std::min(device_.plan().max_buffers, kMaxBindings)) {
    return absl::UnimplementedError(absl::StrCat("the shader ", shader.name, " binds ", buffers,
                                                 " buffers, but the Vulkan device '", device_.snapshot().name,
                                                 "' can bind ", device_.plan().max_buffers));
  }
  PARE_ASSIGN_OR_RETURN(const Layout layout, this->layout(buffers));
  PARE_ASSIGN_OR_RETURN(const VkPipeline handle, compile(shader, layout.pipeline, constants));
  changed_ = true;
  return &pipelines_.insert({key, Pipeline{handle, layout.pipeline, layout.set}}).first->second;
}

absl::StatusOr<Pipelines::Layout> Pipelines::layout(uint32_t buffers) {
  Layout& layout = layouts_[buffers];
  if (layout.pipeline != VK_NULL_HANDLE) return layout;
  std::vector<VkDescriptorSetLayoutBinding> bindings(buffers);
  for (uint32_t i = 0; i < buffers; ++i) {
    bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  }
  VkDescriptorSetLayoutCreateInfo set{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  set.bindingCount = buffers;
  set.pBindings = bindings.data();
  if (layout.set == VK_NULL_HANDLE) {
    PARE_RETURN_IF_ERROR(
        device_.check(device_.functions().CreateDescriptorSetLayout(device_.handle(), &set, nullptr, &layout.set),
                      "vkCreateDescriptorSetLayout"));
  }
  const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, kMaxPushConstantBytes};
  VkPipelineLayoutCreateInfo info{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  info.setLayoutCount = 1;
  info.pSetLayouts = &layout.set;
  info.pushConstantRangeCount = 1;
  info.pPushConstantRanges = &push;
  PARE_RETURN_IF_ERROR(
      device_.check(device_.functions().CreatePipelineLayout(device_.handle(), &info, nullptr, &layout.pipeline),
                    "vkCreatePipelineLayout"));
  return layout;
}

absl::StatusOr<VkPipeline> Pipelines::compile(const Shader& shader, VkPipelineLayout layout,
                                              absl::Span<const uint32_t> constants) {
  const DeviceFunctions& functions = device_.functions();
  const DevicePlan& plan = device_.plan();
  const std::vector<uint32_t> words =
      with_float_controls(absl::MakeConstSpan(shader.words, shader.size),
                          {plan.denorm_preserve, plan.rounding_to_even, plan.signed_zero_inf_nan_preserve});
  VkShaderModuleCreateInfo module_info{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  module_info.codeSize = words.size() * sizeof(uint32_t);
  module_info.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  PARE_RETURN_IF_ERROR(device_.check(functions.CreateShaderModule(device_.handle(), &module_info, nullptr, &module),
                                     "vkCreateShaderModule"));

  std::vector<uint32_t> values = {plan.local_size};
  values.insert(values.end(), constants.begin(), constants.end());
  std::vector<VkSpecializationMapEntry> entries;
  for (uint32_t i = 0; i < values.size(); ++i) entries.push_back({i, i * 4, 4});
  VkSpecializationInfo specialization{};
  specialization.mapEntryCount = entries.size();
  specialization.pMapEntries = entries.data();
  specialization.dataSize = values.size() * 4;
  specialization.pData = values.data();
  VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  if (plan.subgroups) info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &specialization;
  info.layout = layout;
  VkPipeline pipeline = VK_NULL_HANDLE;
  const absl::Status status =
      device_.check(functions.CreateComputePipelines(device_.handle(), cache_, 1, &info, nullptr, &pipeline),
                    "vkCreateComputePipelines");
  functions.DestroyShaderModule(device_.handle(), module, nullptr);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(status.message(), " (shader ", shader.name, ")"));
  }
  return pipeline;
}

void Pipelines::save() {
  if (!changed_ || cache_path_.empty() || !device_.status().ok()) return;
  changed_ = false;
  const DeviceFunctions& functions = device_.functions();
  size_t size = 0;
  if (functions.GetPipelineCacheData(device_.handle(), cache_, &size, nullptr) != VK_SUCCESS) return;
  std::string data(size, '\0');
  if (functions.GetPipelineCacheData(device_.handle(), cache_, &size, data.data()) != VK_SUCCESS) return;
  data.resize(size);
  write_cache(cache_path_, identity(device_.snapshot()), data);
}

}  // namespace pare::backends::vulkan
