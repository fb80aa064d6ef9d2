// emulator/emulator.h: a device of software for tests: the kernels' own sources, compiled by the host's compiler.
//
//   set_driver(emulator());
//   EXPECT_TRUE(cuda_kernels<float>().fake_quantize_forward(Execution(), layout, x, grid, y).ok());
//
// A block's threads run as fibers that meet at __syncthreads() and in shuffles; blocks run one after the other. What it
// cannot show: speed, races between blocks or threads, and what another compiler makes of the source. Kernels'
// arguments are checked against their parameters' sizes, and memory that the caller has is not the device's.

#ifndef PARE_BACKENDS_CUDA_EMULATOR_EMULATOR_H_
#define PARE_BACKENDS_CUDA_EMULATOR_EMULATOR_H_

#include <cstdint>

#include "backends/cuda/driver.h"

namespace pare::backends::cuda {

// The one of the process.
Driver* emulator();

// How many bytes of its memory are in use: 0 when everything was given back.
int64_t emulated_bytes_in_use();

// How far behind a multiple of 256 bytes memory begins from now on: 0 at first; else as views into tensors do.
void set_emulated_offset(int64_t bytes);

// Whether something was written behind the end of memory that was given back since the last time.
bool take_emulated_overrun();

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_EMULATOR_EMULATOR_H_
