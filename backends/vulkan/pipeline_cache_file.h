// backends/vulkan/pipeline_cache_file.h: what a driver has compiled, kept between runs.
//
// One file a device and driver version in the folder pare/ of XDG_CACHE_HOME (or of ~/.cache). A file that is missing,
// cut, damaged, or another driver's is a miss: it never reaches the driver. Written whole or not at all.

#ifndef PARE_BACKENDS_VULKAN_PIPELINE_CACHE_FILE_H_
#define PARE_BACKENDS_VULKAN_PIPELINE_CACHE_FILE_H_

#include <string>
#include <string_view>

#include "backends/vulkan/device_snapshot.h"

namespace pare::backends::vulkan {

// The folder for this user; empty where neither XDG_CACHE_HOME nor HOME is set.
std::string pipeline_cache_folder();

std::string pipeline_cache_path(const std::string& folder, const DeviceSnapshot& device);

// What was written for this device and driver; empty for a miss.
std::string read_pipeline_cache(const std::string& path, const DeviceSnapshot& device);

// Makes the folder if it must. False if that or the file fails.
bool write_pipeline_cache(const std::string& path, const DeviceSnapshot& device, std::string_view data);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_PIPELINE_CACHE_FILE_H_
