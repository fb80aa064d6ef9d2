// ops/torch_execution.h: kernels on LibTorch's own threads.
//
//   status = table.abs_max(torch_execution(), layout, x, result);

#ifndef PARE_OPS_TORCH_EXECUTION_H_
#define PARE_OPS_TORCH_EXECUTION_H_

#include "backends/kernel_backend.h"

namespace pare::ops {

// As many threads as at::set_num_threads says, within LibTorch's limits on nesting.
backends::Execution torch_execution();

}  // namespace pare::ops

#endif  // PARE_OPS_TORCH_EXECUTION_H_
