#include "ops/kernel_choice.h"

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "backends/cpu/backend.h"
#include "backends/registry.h"
#include "base/status_macros.h"

namespace pare::ops {
namespace {

struct Choice {
  absl::Mutex mutex;
  std::string name ABSL_GUARDED_BY(mutex) = backends::kAutoBackend;
};

Choice& choice() {
  static auto* const choice = new Choice;
  return *choice;
}

}  // namespace

absl::Status set_kernel_backend(std::string_view name) {
  // Here, and not at link time alone, so that a static link cannot lose the backend that is always there.
  PARE_RETURN_IF_ERROR(backends::register_cpu_backend());
  if (name != backends::kAutoBackend) PARE_RETURN_IF_ERROR(backends::find_backend(name).status());
  absl::MutexLock lock(&choice().mutex);
  choice().name = std::string(name);
  return absl::OkStatus();
}

std::string kernel_backend() {
  absl::MutexLock lock(&choice().mutex);
  return choice().name;
}

}  // namespace pare::ops
