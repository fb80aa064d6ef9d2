// The kernels for tensors of BFloat16.
#define PARE_CUDA_EMULATOR "bf16"
#define PARE_ELEMENT BFloat16
#include "backends/cuda/emulator/kernels.inc"
