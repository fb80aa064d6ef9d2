// backends/vulkan/pipelines.h: compute pipelines of shaders, made once each.
//
// All shaders have the same interface: n storage buffers as bindings 0 to n - 1 of set 0, push constants of up to 128
// bytes, specialization constant 0 for the local size and 1, 2, ... for what the kernel says. Not safe for several
// threads.

#ifndef PARE_BACKENDS_VULKAN_PIPELINES_H_
#define PARE_BACKENDS_VULKAN_PIPELINES_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backends/vulkan/logical_device.h"
#include "backends/vulkan/shader.h"

namespace pare::backends::vulkan {

inline constexpr uint32_t kMaxPushConstantBytes = 128;
inline constexpr uint32_t kMaxBindings = 16;

struct Pipeline {
  VkPipeline handle = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;
};

class Pipelines {
 public:
  // Starts with what the cache file in that folder holds, if it is this very device's and driver's; empty: no file.
  static absl::StatusOr<std::unique_ptr<Pipelines>> create(LogicalDevice& device, const std::string& cache_folder);
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;
  // The device must be done with them.
  ~Pipelines();

  // Valid as long as this object. Errors: Unimplemented if the device cannot bind so many buffers; what the driver
  // says of the shader.
  absl::StatusOr<const Pipeline*> get(const Shader& shader, uint32_t buffers, absl::Span<const uint32_t> constants);

  // Writes the cache file if pipelines were made since the last time. A file that cannot be written is a slower next
  // start, and no error.
  void save();

 private:
  struct Layout {
    VkDescriptorSetLayout set = VK_NULL_HANDLE;
    VkPipelineLayout pipeline = VK_NULL_HANDLE;
  };
  using Key = std::tuple<const Shader*, uint32_t, std::vector<uint32_t>>;

  explicit Pipelines(LogicalDevice& device) : device_(device) {}

  absl::StatusOr<Layout> layout(uint32_t buffers);
  absl::StatusOr<VkPipeline> compile(const Shader& shader, VkPipelineLayout layout,
                                     absl::Span<const uint32_t> constants);

  LogicalDevice& device_;
  std::string cache_path_;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  bool changed_ = false;
  std::array<Layout, kMaxBindings + 1> layouts_;
  std::map<Key, Pipeline> pipelines_;
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_PIPELINES_H_
