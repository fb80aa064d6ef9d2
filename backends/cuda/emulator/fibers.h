// emulator/fibers.h: runs a block's threads as fibers of the calling thread.
//
//   run_block({block, blocks}, threads, [&] { kernel(); });   // threadIdx and the others say which one

#ifndef PARE_BACKENDS_CUDA_EMULATOR_FIBERS_H_
#define PARE_BACKENDS_CUDA_EMULATOR_FIBERS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace pare::backends::cuda::emulation {

struct BlockPlace {
  uint32_t block, blocks;
};

// One block at a time in the whole process. A thread that has ended does not keep others waiting. False if threads wait
// for each other for good: they are left where they are.
bool run_block(BlockPlace place, uint32_t threads, absl::FunctionRef<void()> body);

}  // namespace pare::backends::cuda::emulation

#endif  // PARE_BACKENDS_CUDA_EMULATOR_FIBERS_H_
