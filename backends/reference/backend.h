// backends/reference/backend.h: the definition of every kernel in plain scalar C++, one thread, double accumulators.
//
//   ASSERT_TRUE(register_reference_backend().ok());
//   const KernelTable<float>& truth = reference_kernels();
//
// Slow, and meant for tests: the other backends are compared with it, see backends/conformance. Its name is
// "reference", its priority the lowest.

#ifndef PARE_BACKENDS_REFERENCE_BACKEND_H_
#define PARE_BACKENDS_REFERENCE_BACKEND_H_

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// All of the kernels, on host memory, for T = float, Half and BFloat16.
template <typename T>
const KernelTable<T>& reference_kernels();

// OK as well when it is registered already.
absl::Status register_reference_backend();

}  // namespace pare::backends

#endif  // PARE_BACKENDS_REFERENCE_BACKEND_H_
