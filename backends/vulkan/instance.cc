#include "backends/vulkan/instance.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {
namespace {

constexpr char kValidationLayer[] = "VK_LAYER_KHRONOS_validation";
constexpr char kPortabilityEnumeration[] = "VK_KHR_portability_enumeration";
constexpr VkInstanceCreateFlags kEnumeratePortability = 1;

struct Messages {
  std::mutex mutex;
  std::vector<std::string> texts;  // guarded by mutex
};

Messages& messages() {
  static auto* const messages = new Messages;  // Never destroyed: a driver's thread may still speak at exit.
  return *messages;
}

VKAPI_ATTR VkBool32 VKAPI_CALL collect_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                               const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  const std::lock_guard<std::mutex> lock(messages().mutex);
  messages().texts.push_back(data->pMessage);
  return VK_FALSE;
}

bool validation_wanted() {
  const char* value = std::getenv("PARE_VULKAN_VALIDATION");
  return value != nullptr && std::strcmp(value, "1") == 0;
}

bool has_validation_layer(const GlobalFunctions& global) {
  uint32_t count = 0;
  global.EnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  global.EnumerateInstanceLayerProperties(&count, layers.data());
  for (const VkLayerProperties& layer : layers) {
    if (std::strcmp(layer.layerName, kValidationLayer) == 0) return true;
  }
  return false;
}

bool has_portability_enumeration(const GlobalFunctions& global) {
  uint32_t count = 0;
  global.EnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  global.EnumerateInstanceExtensionProperties(nullptr, &count, extensions.data());
  for (const VkExtensionProperties& extension : extensions) {
    if (std::strcmp(extension.extensionName, kPortabilityEnumeration) == 0) return true;
  }
  return false;
}

absl::StatusOr<VkInstance> create_instance(const GlobalFunctions& global, bool validated) {
  VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = "pare";
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo info{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &application;

  std::vector<const char*> extensions;
  if (has_portability_enumeration(global)) {
    extensions.push_back(kPortabilityEnumeration);
    info.flags |= kEnumeratePortability;
  }
  const char* layer = kValidationLayer;
  const VkValidationFeatureEnableEXT synchronization = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkValidationFeaturesEXT validation{VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  VkDebugUtilsMessengerCreateInfoEXT messenger{VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  if (validated) {
    validation.enabledValidationFeatureCount = 1;
    validation.pEnabledValidationFeatures = &synchronization;
    // In this chain it listens to the making of the instance as well.
    messenger.pNext = &validation;
    messenger.messageSeverity =
        VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT;
    messenger.messageType =
        VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
    messenger.pfnUserCallback = collect_message;
    info.pNext = &messenger;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &layer;
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  }
  info.enabledExtensionCount = extensions.size();
  info.ppEnabledExtensionNames = extensions.data();

  VkInstance handle = VK_NULL_HANDLE;
  const VkResult result = global.CreateInstance(&info, nullptr, &handle);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
    return absl::UnavailableError(
        "there is no Vulkan driver: install one with 'apt-get install mesa-vulkan-drivers' or the GPU vendor's "
        "package");
  }
  if (result != VK_SUCCESS) {
    return absl::UnavailableError(
        absl::StrCat("Vulkan cannot start: ", to_status(result, "vkCreateInstance").message()));
  }
  if (validated) {
    const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        global.GetInstanceProcAddr(handle, "vkCreateDebugUtilsMessengerEXT"));
    messenger.pNext = nullptr;
    VkDebugUtilsMessengerEXT kept_with_instance = VK_NULL_HANDLE;
    if (create == nullptr || create(handle, &messenger, nullptr, &kept_with_instance) != VK_SUCCESS) {
      return absl::UnavailableError("the Vulkan validation layer takes no listener: update vulkan-validationlayers");
    }
  }
  return handle;
}

absl::StatusOr<std::unique_ptr<const Instance>> open_instance() {
  PARE_ASSIGN_OR_RETURN(const GlobalFunctions global, open_loader());
  auto instance = std::make_unique<Instance>();
  if (validation_wanted()) {
    instance->validated = has_validation_layer(global);
    if (!instance->validated) {
      log_warning(
          "PARE_VULKAN_VALIDATION=1, but there is no validation layer: 'apt-get install vulkan-validationlayers'");
    }
  }
  PARE_ASSIGN_OR_RETURN(instance->handle, create_instance(global, instance->validated));
  PARE_ASSIGN_OR_RETURN(instance->functions, load_instance_functions(global, instance->handle));
  uint32_t count = 0;
  VkResult result = instance->functions.EnumeratePhysicalDevices(instance->handle, &count, nullptr);
  std::vector<VkPhysicalDevice> handles(count);
  if (result == VK_SUCCESS && count > 0) {
    result = instance->functions.EnumeratePhysicalDevices(instance->handle, &count, handles.data());
  }
  if (result != VK_SUCCESS) {
    return absl::UnavailableError(
        absl::StrCat("Vulkan cannot list its devices: ", to_status(result, "vkEnumeratePhysicalDevices").message()));
  }
  for (VkPhysicalDevice handle : handles) {
    instance->devices.push_back({handle, take_snapshot(instance->functions, handle)});
  }
  return instance;
}

}  // namespace

absl::StatusOr<const Instance*> instance() {
  static const auto* const opened = new absl::StatusOr<std::unique_ptr<const Instance>>(open_instance());
  if (!opened->ok()) return opened->status();
  return (*opened)->get();
}

std::vector<std::string> take_validation_messages() {
  const std::lock_guard<std::mutex> lock(messages().mutex);
  return std::exchange(messages().texts, {});
}

}  // namespace pare::backends::vulkan
