// backends/self_test.h: whether a backend computes rightly on this machine, and how fast its memory is.
//
//   PARE_RETURN_IF_ERROR(self_test(backend, execution));
//   PARE_ASSIGN_OR_RETURN(Bandwidth bandwidth, measure_bandwidth(backend, execution));
//
// A check of some moments on the machine at hand, through the device's memory; backends/conformance is the thorough
// one.

#ifndef PARE_BACKENDS_SELF_TEST_H_
#define PARE_BACKENDS_SELF_TEST_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// Compares a kernel of each kind (elementwise, sum, extreme, count, random mask, codes) with backends/reference.
// Errors: Internal, with the kernel and the first element that differs; what the device's memory or a kernel returns.
absl::Status self_test(const KernelBackend& backend, const Execution& execution);

// In bytes a second.
struct Bandwidth {
  double copy;                        // On the device, bytes read and bytes written both counted.
  double to_device = 0, to_host = 0;  // Zero where the device's memory is the host's.
};

// The best of some copies of 64 MiB.
absl::StatusOr<Bandwidth> measure_bandwidth(const KernelBackend& backend, const Execution& execution);

}  // namespace pare::backends

#endif  // PARE_BACKENDS_SELF_TEST_H_
