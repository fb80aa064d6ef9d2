// backends/all_backends.h: registers every backend that the build was asked for.
//
//   PARE_RETURN_IF_ERROR(register_all_backends());
//
// The set is a build setting: bazel build --//backends:enabled=cpu,vulkan. A backend of another repository registers
// itself: link its registration target, or call its own function.

#ifndef PARE_BACKENDS_ALL_BACKENDS_H_
#define PARE_BACKENDS_ALL_BACKENDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace pare::backends {

// OK as well for those that are registered already. A backend that finds no device is registered all the same, and says
// so when it is asked for.
absl::Status register_all_backends();

// Their names, in the order of registration.
std::vector<std::string> enabled_backends();

}  // namespace pare::backends

#endif  // PARE_BACKENDS_ALL_BACKENDS_H_
