// ops/kernel_choice.h: which kernel backend the operations use.
//
//   PARE_ASSIGN_OR_RETURN(backends::BackendChoice choice, set_kernel_backend("vulkan:1"));
//
// It holds for tensors on the CPU; those on CUDA are the backend "cuda"'s whatever is chosen (ops/kernel_lookup.h). The
// choice is the whole process's, from the next operation on. It starts as "auto", which here means the backend
// of the highest priority; set_kernel_backend("auto") measures and takes the fastest. Safe from any thread.

#ifndef PARE_OPS_KERNEL_CHOICE_H_
#define PARE_OPS_KERNEL_CHOICE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "backends/choice.h"

namespace pare::ops {

// Takes what backends::choose_backend takes for the specification, of the backends that are registered; "cpu" always
// is. Errors: those of choose_backend; the choice is then as it was.
absl::StatusOr<backends::BackendChoice> set_kernel_backend(std::string_view specification);

std::string kernel_backend();

}  // namespace pare::ops

#endif  // PARE_OPS_KERNEL_CHOICE_H_
