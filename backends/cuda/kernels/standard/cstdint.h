// kernels/standard/cstdint.h: <cstdint> for NVRTC, which has no standard library: the same types as the host's, on the
// systems that CUDA runs on.

#ifndef PARE_BACKENDS_CUDA_KERNELS_STANDARD_CSTDINT_H_
#define PARE_BACKENDS_CUDA_KERNELS_STANDARD_CSTDINT_H_

using int8_t = signed char;
using int16_t = short;
using int32_t = int;
using int64_t = long;
using uint8_t = unsigned char;
using uint16_t = unsigned short;
using uint32_t = unsigned int;
using uint64_t = unsigned long;
static_assert(sizeof(uint64_t) == 8 && sizeof(void*) == 8);

#endif  // PARE_BACKENDS_CUDA_KERNELS_STANDARD_CSTDINT_H_
