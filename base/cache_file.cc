#include "base/cache_file.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"

namespace pare {
namespace {

constexpr char kMagic[] = "pare cache 1\n";

// FNV-1a of 64 bits: it finds damage, and need not stand against ill will in the user's own cache.
uint64_t checksum(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

void append_number(std::string& text, uint64_t number) {
  for (int i = 0; i < 8; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
}

std::string header(std::string_view identity, std::string_view data) {
  std::string text = kMagic;
  append_number(text, identity.size());
  text += identity;
  append_number(text, data.size());
  append_number(text, checksum(data));
  return text;
}

}  // namespace

std::string cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache == '/') return absl::StrCat(cache, "/pare");
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? absl::StrCat(home, "/.cache/pare") : "";
}

std::string cache_path(const std::string& folder, std::string_view kind, std::string_view identity) {
  return absl::StrCat(folder, "/", std::string(kind), "-", absl::Hex(checksum(identity), absl::kZeroPad16), ".cache");
}

std::string read_cache(const std::string& path, std::string_view identity) {
  absl::StatusOr<std::string> content = read_file(path);
  if (!content.ok()) return "";
  const size_t header_size = header(identity, "").size();
  if (content->size() < header_size) return "";
  std::string data = content->substr(header_size);
  return content->compare(0, header_size, header(identity, data)) == 0 ? data : "";
}

bool write_cache(const std::string& path, std::string_view identity, std::string_view data) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  return !error && write_file_atomically(path, header(identity, data) + std::string(data)).ok();
}

}  // namespace pare
