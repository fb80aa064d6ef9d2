// The kernels for tensors of float.
#define PARE_CUDA_EMULATOR "f32"
#define PARE_ELEMENT float
#include "backends/cuda/emulator/kernels.inc"
