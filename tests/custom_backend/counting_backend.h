// tests/custom_backend/counting_backend.h: a kernel backend as another repository would add it: nothing of Pare's is
// changed for it.
//
// Its name is "counting". It has a fake quantization of its own, plain C++, which counts its calls; every other kernel
// falls to the next backend. Registered by linking :registration, or by the function here.

#ifndef PARE_TESTS_CUSTOM_BACKEND_COUNTING_BACKEND_H_
#define PARE_TESTS_CUSTOM_BACKEND_COUNTING_BACKEND_H_

#include <cstdint>

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace custom_backend {

const pare::backends::KernelTable<float>& counting_kernels();

// How often its kernel was called in this process.
int64_t calls();

// OK as well when it is registered already.
absl::Status register_counting_backend();

}  // namespace custom_backend

#endif  // PARE_TESTS_CUSTOM_BACKEND_COUNTING_BACKEND_H_
