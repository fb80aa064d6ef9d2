// ops/kernel_choice.h: which kernel backend the operations use.
//
//   PARE_RETURN_IF_ERROR(set_kernel_backend("cpu"));
//
// The choice holds for the whole process, from the next operation on. It starts as "auto". Safe from any thread.

#ifndef PARE_OPS_KERNEL_CHOICE_H_
#define PARE_OPS_KERNEL_CHOICE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pare::ops {

// Error: NotFound, with the names that there are.
absl::Status set_kernel_backend(std::string_view name);

std::string kernel_backend();

}  // namespace pare::ops

#endif  // PARE_OPS_KERNEL_CHOICE_H_
