#include "backends/choice.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "backends/registry.h"
#include "base/status_macros.h"

namespace pare::backends {
namespace {

// An activation of a small network at a batch of 128: what a training step has many of.
constexpr int64_t kMeasuredElements = int64_t{1} << 21;
constexpr int kRepetitions = 3;

// The least time of a fake quantization in host memory, after one call that builds what is built once.
absl::StatusOr<absl::Duration> time_of(const KernelTable<float>& table, const Execution& execution,
                                       absl::FunctionRef<absl::Time()> clock) {
  const std::vector<float> x(kMeasuredElements, 1.0f);
  std::vector<float> y(kMeasuredElements);
  const float step = 0.1f, inverse_step = 10.0f, lowest = -128, highest = 127;
  absl::Duration least = absl::InfiniteDuration();
  for (int repetition = 0; repetition <= kRepetitions; ++repetition) {
    const absl::Time start = clock();
    PARE_RETURN_IF_ERROR(table.fake_quantize_forward(execution, Layout::per_tensor(kMeasuredElements), x.data(),
                                                     {&step, &inverse_step, &lowest, &highest}, y.data()));
    if (repetition > 0) least = std::min(least, clock() - start);
  }
  return least;
}

absl::StatusOr<BackendChoice> fastest_backend(const Execution& execution, absl::FunctionRef<absl::Time()> clock) {
  // Priorities of zero and less are for definitions and tests.
  struct Candidate {
    const KernelBackend* backend;
    std::string device;
  };
  std::vector<Candidate> candidates;
  std::vector<std::string> passed_over;
  for (const std::string& name : backend_names()) {
    PARE_ASSIGN_OR_RETURN(const KernelBackend* backend, find_backend(name));
    if (backend->priority <= 0) continue;
    Candidate candidate{backend, ""};
    if (backend->devices != nullptr) {
      const absl::StatusOr<std::vector<DeviceDescription>> devices = backend->devices();
      if (!devices.ok() || devices->empty()) {
        passed_over.push_back(absl::StrCat(name, " has no device here"));
        continue;
      }
      if (devices->front().is_software) {
        passed_over.push_back(absl::StrCat(name, " has only the software device ", devices->front().name));
        continue;
      }
      candidate.device = devices->front().name;
    }
    const KernelTable<float>* const table = backend->table<float>(DeviceKind::kCpu);
    if (table != nullptr && table->fake_quantize_forward != nullptr) candidates.push_back(candidate);
  }
  if (candidates.empty()) {
    return absl::NotFoundError("no kernel backend for tensors in host memory is linked into this program");
  }
  std::string reason;
  const auto add_reason = [&](const std::string& text) { absl::StrAppend(&reason, reason.empty() ? "" : "; ", text); };
  const Candidate* best = &candidates.front();
  if (candidates.size() > 1) {
    absl::Duration least = absl::InfiniteDuration();
    for (const Candidate& candidate : candidates) {
      const absl::StatusOr<absl::Duration> time =
          time_of(*candidate.backend->table<float>(DeviceKind::kCpu), execution, clock);
      const std::string label = candidate.device.empty()
                                    ? candidate.backend->name
                                    : absl::StrCat(candidate.backend->name, " on ", candidate.device);
      if (!time.ok()) {
        add_reason(absl::StrCat(label, " failed: ", std::string(time.status().message())));
        continue;
      }
      add_reason(absl::StrFormat("%s %.2f ms", label, absl::ToDoubleMilliseconds(*time)));
      if (*time < least) {
        least = *time;
        best = &candidate;
      }
    }
    reason =
        absl::StrCat("fake quantization of ", kMeasuredElements >> 20, " million numbers, copies included: ", reason);
  } else {
    reason = "the only one for this machine";
  }
  for (const std::string& text : passed_over) add_reason(text);
  return BackendChoice{best->backend->name, std::move(reason)};
}

}  // namespace

absl::StatusOr<BackendChoice> choose_backend(std::string_view specification, const Execution& execution,
                                             absl::FunctionRef<absl::Time()> clock) {
  if (specification == kAutoBackend) return fastest_backend(execution, clock);
  const size_t colon = specification.find(':');
  const std::string_view name = specification.substr(0, colon);
  PARE_ASSIGN_OR_RETURN(const KernelBackend* backend, find_backend(name));
  if (colon != std::string_view::npos) {
    if (colon + 1 == specification.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("kernel backend '", std::string(specification), "' names no device behind the colon: write '",
                       backend->name, "' for its best device, or '", backend->name, ":' and a number or a name"));
    }
    if (backend->select_device == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("kernel backend '", std::string(specification),
                                                     "' names a device, but ", backend->name,
                                                     " has no devices to choose from: write '", backend->name, "'"));
    }
    PARE_RETURN_IF_ERROR(backend->select_device(specification.substr(colon + 1)));
  } else if (backend->select_device != nullptr) {
    PARE_RETURN_IF_ERROR(backend->select_device(""));
  }
  if (backend->table<float>(DeviceKind::kCpu) == nullptr) {
    if (backend->devices != nullptr) PARE_RETURN_IF_ERROR(backend->devices().status());
    return absl::UnavailableError(
        absl::StrCat("kernel backend '", backend->name, "' does not run on this machine: choose another, or 'auto'"));
  }
  return BackendChoice{backend->name, "asked for"};
}

}  // namespace pare::backends
