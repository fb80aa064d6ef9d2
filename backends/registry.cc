#include "backends/registry.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"

namespace pare::backends {
namespace {

struct Registry {
  std::shared_mutex mutex;
  // By falling priority; pointers, because callers keep them. Guarded by mutex.
  std::vector<std::unique_ptr<const KernelBackend>> backends;
};

Registry& registry() {
  static auto* const registry = new Registry;  // Never destroyed: kernels may run while the process exits.
  return *registry;
}

std::vector<const KernelBackend*> all_backends() {
  const std::shared_lock<std::shared_mutex> lock(registry().mutex);
  std::vector<const KernelBackend*> all;
  all.reserve(registry().backends.size());
  for (const auto& backend : registry().backends) all.push_back(backend.get());
  return all;
}

absl::Status unknown_backend(std::string_view name) {
  return absl::NotFoundError(absl::StrCat("no kernel backend is called '", std::string(name), "': there are ",
                                          absl::StrJoin(backend_names(), ", "), " and ", kAutoBackend));
}

}  // namespace

absl::Status register_backend(KernelBackend backend) {
  if (backend.name.empty() || backend.name == kAutoBackend || backend.float32 == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("a kernel backend needs a table function and a name other than '",
                                                   kAutoBackend, "', but this one's name is '", backend.name, "'"));
  }
  const std::lock_guard<std::shared_mutex> lock(registry().mutex);
  auto& backends = registry().backends;
  for (const auto& other : backends) {
    if (other->name == backend.name) {
      return absl::AlreadyExistsError(absl::StrCat("a kernel backend '", backend.name, "' is registered already"));
    }
  }
  const auto place = std::find_if(backends.begin(), backends.end(),
                                  [&](const auto& other) { return other->priority < backend.priority; });
  backends.insert(place, std::make_unique<const KernelBackend>(std::move(backend)));
  return absl::OkStatus();
}

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const KernelBackend* backend : all_backends()) names.push_back(backend->name);
  return names;
}

absl::StatusOr<const KernelBackend*> find_backend(std::string_view name) {
  for (const KernelBackend* backend : all_backends()) {
    if (backend->name == name) return backend;
  }
  return unknown_backend(name);
}

namespace internal {

absl::StatusOr<const KernelBackend*> find_offer(std::string_view name, DeviceKind device, const char* kernel,
                                                absl::FunctionRef<Offer(const KernelBackend&)> offer_of) {
  std::vector<const KernelBackend*> candidates = all_backends();
  if (name != kAutoBackend) {
    const auto named = std::find_if(candidates.begin(), candidates.end(),
                                    [&](const KernelBackend* backend) { return backend->name == name; });
    if (named == candidates.end()) return unknown_backend(name);
    std::rotate(candidates.begin(), named, named + 1);
  }
  std::string passed_over;
  for (const KernelBackend* backend : candidates) {
    const Offer offer = offer_of(*backend);
    if (offer == Offer::kHasKernel) {
      if (!passed_over.empty()) {
        log_warning_once(absl::StrCat("backends/", passed_over, "/", device_kind_name(device), "/", kernel),
                         absl::StrCat("backend ", passed_over, " has no kernel ", kernel, " on ",
                                      device_kind_name(device), ": that of ", backend->name, " is used"));
      }
      return backend;
    }
    const bool expected_it = backend->name == name || (name == kAutoBackend && offer == Offer::kLacksKernel);
    if (expected_it && passed_over.empty()) passed_over = backend->name;
  }
  return absl::UnimplementedError(absl::StrCat("no kernel ", kernel, " for device ", device_kind_name(device),
                                               ": the backends are ", absl::StrJoin(backend_names(), ", "),
                                               "; link one that runs there, or move the tensors"));
}

}  // namespace internal

const char* device_kind_name(DeviceKind device) {
  switch (device) {
    case DeviceKind::kCpu:
      return "cpu";
    case DeviceKind::kCuda:
      return "cuda";
    case DeviceKind::kVulkan:
      return "vulkan";
  }
  return "unknown";
}

}  // namespace pare::backends
