#include "tools/bench/subject.h"

#include <ATen/Parallel.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "backends/choice.h"
#include "backends/host_memory.h"
#include "backends/registry.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "ops/kernel_choice.h"
#include "ops/torch_execution.h"

namespace pare::tools::bench {
namespace {

// For all subjects of a kind, and never destroyed: a subject may outlive main().
backends::DeviceMemory* host_memory(int threads) {
  static auto* const one_thread = new backends::HostMemory;
  static auto* const many_threads = new backends::HostMemory(ops::torch_execution());
  return threads > 1 ? many_threads : one_thread;
}

}  // namespace

absl::Status Subject::activate() const {
  PARE_RETURN_IF_ERROR(guard_torch("setting the number of threads", [&] { at::set_num_threads(threads); }));
  if (is_on_host()) return ops::set_kernel_backend(backend->name).status();
  if (device.empty() || backend->select_device == nullptr) return absl::OkStatus();
  return backend->select_device(absl::StrCat(device_index));
}

absl::StatusOr<Subject> make_subject(const std::string& specification, int threads) {
  Subject subject;
  subject.threads = threads;
  if (threads > 1) subject.execution = ops::torch_execution();
  PARE_ASSIGN_OR_RETURN(const backends::BackendChoice choice,
                        backends::choose_backend(specification, subject.execution));
  PARE_ASSIGN_OR_RETURN(subject.backend, backends::find_backend(choice.name));
  subject.name = choice.name;
  if (subject.is_on_host()) {
    subject.memory = host_memory(threads);
    return subject;
  }
  PARE_ASSIGN_OR_RETURN(subject.memory, subject.backend->memory());
  if (subject.backend->devices == nullptr) return subject;
  PARE_ASSIGN_OR_RETURN(const auto devices, subject.backend->devices());
  const auto selected =
      std::find_if(devices.begin(), devices.end(), [](const auto& device) { return device.is_selected; });
  if (selected == devices.end()) {
    return absl::InternalError(absl::StrCat("kernel backend '", choice.name, "' does not say which of its ",
                                            devices.size(), " devices is selected: let its devices() set is_selected"));
  }
  subject.device = selected->name;
  subject.device_index = static_cast<int>(selected - devices.begin());
  subject.name = absl::StrCat(choice.name, ":", subject.device_index);
  return subject;
}

const std::vector<float>& random_floats() {
  static const auto* const numbers = [] {
    auto* const result = new std::vector<float>(65537);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& number : *result) number = normal(random);
    return result;
  }();
  return *numbers;
}

absl::StatusOr<backends::QuantizationGrid> Workspace::grid(int64_t channels, float lowest, float highest) {
  backends::QuantizationGrid grid{};
  PARE_ASSIGN_OR_RETURN(grid.step, filled(0.02f, channels));
  PARE_ASSIGN_OR_RETURN(grid.inverse_step, filled(50.0f, channels));
  PARE_ASSIGN_OR_RETURN(grid.lowest, filled(lowest, channels));
  PARE_ASSIGN_OR_RETURN(grid.highest, filled(highest, channels));
  return grid;
}

}  // namespace pare::tools::bench
