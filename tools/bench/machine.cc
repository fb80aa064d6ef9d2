#include "tools/bench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hwy/targets.h"
#include "torch/csrc/api/include/torch/version.h"

namespace pare::tools::bench {
namespace {

// What stands behind "key : " in the file's first such line; empty if there is none.
std::string field_of(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const size_t colon = line.find(':');
    const size_t start = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (start != std::string::npos) return line.substr(start);
  }
  return "";
}

// "L2 512 KiB"
std::string cache(const char* level, int name) {
  const int64_t bytes = sysconf(name);
  return bytes <= 0 ? "" : absl::StrCat(level, " ", bytes >> 10, " KiB");
}

}  // namespace

nlohmann::ordered_json describe_machine() {
  nlohmann::ordered_json machine;
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) machine[key] = value;
  };
  add("processor", field_of("/proc/cpuinfo", "model name"));
  machine["cores"] = std::thread::hardware_concurrency();
  int64_t best = hwy::SupportedTargets();
  best &= -best;  // The best target is the lowest bit.
  add("vector_instructions", hwy::TargetName(best));
  std::string caches;
  for (const std::string& text :
       {cache("L1d", _SC_LEVEL1_DCACHE_SIZE), cache("L2", _SC_LEVEL2_CACHE_SIZE), cache("L3", _SC_LEVEL3_CACHE_SIZE)}) {
    if (!text.empty()) absl::StrAppend(&caches, caches.empty() ? "" : ", ", text);
  }
  add("caches", caches);
  const double bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  add("memory", absl::StrFormat("%.0f GiB", bytes / (1 << 30)));
  utsname system{};
  if (uname(&system) == 0) add("system", absl::StrCat(system.sysname, " ", system.release, " ", system.machine));
  add("compiler", __VERSION__);
  add("libtorch", TORCH_VERSION);
  double loads[3];
  if (getloadavg(loads, 3) == 3) {
    add("load_average", absl::StrFormat("%.2f, %.2f, %.2f", loads[0], loads[1], loads[2]));
  }
  return machine;
}

}  // namespace pare::tools::bench
