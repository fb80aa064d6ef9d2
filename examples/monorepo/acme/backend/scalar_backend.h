// acme/backend/scalar_backend.h: the kernel backend "acme": fake quantization in plain C++, which counts its calls.
//
// Every other kernel falls to the next backend. It is taken by its name in a config, {"backend": "acme"}, or by
// pare::ops::set_kernel_backend("acme").

#ifndef ACME_BACKEND_SCALAR_BACKEND_H_
#define ACME_BACKEND_SCALAR_BACKEND_H_

#include <cstdint>

#include "backends/kernel_backend.h"

namespace acme {

const pare::backends::KernelTable<float>& scalar_kernels();

// How often its kernel was called in this process.
int64_t kernel_calls();

}  // namespace acme

#endif  // ACME_BACKEND_SCALAR_BACKEND_H_
