#include "backends/vulkan/pipeline_cache_file.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"

namespace pare::backends::vulkan {
namespace {

constexpr char kMagic[] = "pare vulkan pipelines 1\n";

// FNV-1a of 64 bits: it finds damage, and need not stand against ill will in the user's own cache.
uint64_t checksum(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

void append_number(std::string& text, uint64_t number) {
  for (int i = 0; i < 8; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
}

// All that must be the same for the data to be of use.
std::string identity(const DeviceSnapshot& device) {
  std::string text(reinterpret_cast<const char*>(device.pipeline_cache_uuid.data()), device.pipeline_cache_uuid.size());
  append_number(text, device.vendor_id);
  append_number(text, device.device_id);
  append_number(text, device.driver_version);
  return text;
}

std::string header(const DeviceSnapshot& device, std::string_view data) {
  std::string text = kMagic + identity(device);
  append_number(text, data.size());
  append_number(text, checksum(data));
  return text;
}

}  // namespace

std::string pipeline_cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return absl::StrCat(cache, "/pare");
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? absl::StrCat(home, "/.cache/pare") : "";
}

std::string pipeline_cache_path(const std::string& folder, const DeviceSnapshot& device) {
  return absl::StrCat(folder, "/vulkan-", absl::Hex(checksum(identity(device)), absl::kZeroPad16), ".pipelines");
}

std::string read_pipeline_cache(const std::string& path, const DeviceSnapshot& device) {
  absl::StatusOr<std::string> content = read_file(path);
  if (!content.ok()) return "";
  const size_t header_size = header(device, "").size();
  if (content->size() < header_size) return "";
  std::string data = content->substr(header_size);
  return content->compare(0, header_size, header(device, data)) == 0 ? data : "";
}

bool write_pipeline_cache(const std::string& path, const DeviceSnapshot& device, std::string_view data) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  return !error && write_file_atomically(path, header(device, data) + std::string(data)).ok();
}

}  // namespace pare::backends::vulkan
