// backends/cpu/backend.h: every kernel with the widest vector instructions that the machine has.
//
//   ASSERT_TRUE(register_cpu_backend().ok());  // or link //backends/cpu:registration
//
// Written once with Google Highway, compiled for several instruction sets, chosen at run time. Its name is "cpu". It
// runs on the threads that the caller's Execution gives it, and starts none. Its sums are the same with every
// instruction set and number of threads.

#ifndef PARE_BACKENDS_CPU_BACKEND_H_
#define PARE_BACKENDS_CPU_BACKEND_H_

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// All of the kernels, on host memory, for T = float, Half and BFloat16.
template <typename T>
const KernelTable<T>& cpu_kernels();

// OK as well when it is registered already.
absl::Status register_cpu_backend();

}  // namespace pare::backends

#endif  // PARE_BACKENDS_CPU_BACKEND_H_
