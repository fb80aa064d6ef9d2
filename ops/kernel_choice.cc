#include "ops/kernel_choice.h"

#include <mutex>

#include "backends/cpu/backend.h"
#include "backends/registry.h"
#include "base/status_macros.h"
#include "ops/torch_execution.h"

namespace pare::ops {
namespace {

struct Choice {
  std::mutex mutex;
  std::string name = backends::kAutoBackend;  // guarded by mutex
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
  const std::lock_guard<std::mutex> lock(choice().mutex);
  choice().name = chosen.name;
  return chosen;
}

std::string kernel_backend() {
  const std::lock_guard<std::mutex> lock(choice().mutex);
  return choice().name;
}

}  // namespace pare::ops
