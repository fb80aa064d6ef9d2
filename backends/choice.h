// backends/choice.h: which backend computes on tensors in host memory, from what the user asked for.
//
//   PARE_ASSIGN_OR_RETURN(BackendChoice choice, choose_backend("auto", execution));
//   log_info(absl::StrCat("kernels: ", choice.name, " (", choice.reason, ")"));
//
// A specification is a backend's name ("cpu", "vulkan"), a name and a device ("vulkan:1", "vulkan:radeon"), or "auto".
// "auto" measures: every backend that could do the work fake-quantizes one tensor, copies to and from its device
// included, and the fastest is taken. Devices of software are passed over: they are the same processor.

#ifndef PARE_BACKENDS_CHOICE_H_
#define PARE_BACKENDS_CHOICE_H_

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "backends/kernel_backend.h"
#include "base/steady_time.h"

namespace pare::backends {

struct BackendChoice {
  std::string name;    // As find_kernel takes it.
  std::string reason;  // For people: "asked for", or the times that were measured.
};

// Selects the device that is asked for as well. Errors: NotFound, with the names or devices that there are;
// InvalidArgument for a device of a backend that has none, or a colon without a device; Unavailable where the backend
// does not run on this machine. clock: what measures the time.
absl::StatusOr<BackendChoice> choose_backend(std::string_view specification, const Execution& execution,
                                             absl::FunctionRef<absl::Time()> clock = steady_now);

}  // namespace pare::backends

#endif  // PARE_BACKENDS_CHOICE_H_
