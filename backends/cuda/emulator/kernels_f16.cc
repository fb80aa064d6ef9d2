// The kernels for tensors of Half.
#define PARE_CUDA_EMULATOR "f16"
#define PARE_ELEMENT Half
#include "backends/cuda/emulator/kernels.inc"
