#include "ops/kernel_choice.h"

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "backends/cpu/backend.h"
#include "backends/registry.h"
#include "base/status_macros.h"
#include "ops/torch_execution.h"

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

absl::StatusOr<backends::BackendChoice> set_kernel_backend(std::string_view specification) {
  // Here, and not at link time alone, so that a static link cannot lose the backend that is always there.
  PARE_RETURN_IF_ERROR(backends::register_cpu_backend());
  PARE_ASSIGN_OR_RETURN(const backends::BackendChoice chosen,
                        backends::choose_backend(specification, torch_execution()));
  absl::MutexLock lock(&choice().mutex);
  choice().name = chosen.name;
  return chosen;
}

std::string kernel_backend() {
  absl::MutexLock lock(&choice().mutex);
  return choice().name;
}

}  // namespace pare::ops
