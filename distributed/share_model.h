// distributed/share_model.h: makes the model of process 0 that of all.
//
//   PARE_RETURN_IF_ERROR(share_model(*group, *model));
//
// Training in several processes needs the same weights in each from the start; then it keeps them the same. This is for
// the start, where each has made its own (from another seed, say, or of another file).

#ifndef PARE_DISTRIBUTED_SHARE_MODEL_H_
#define PARE_DISTRIBUTED_SHARE_MODEL_H_

#include "absl/status/status.h"
#include "distributed/process_group.h"
#include "graph/model.h"

namespace pare {

// Parameters and buffers, in place. InvalidArgument in all, naming the first difference, where a process has others by
// name, shape or dtype; nothing is changed then.
absl::Status share_model(ProcessGroup& group, graph::Model& model);

// Sets every floating-point buffer (running statistics of batch norms) to its mean over the processes, which have each
// seen their own part of the data, and every other one to that of process 0.
absl::Status average_buffers(ProcessGroup& group, graph::Model& model);

// FailedPrecondition in all, naming the first, where a parameter or buffer is not the same bit for bit everywhere.
absl::Status check_same_model(ProcessGroup& group, const graph::Model& model);

}  // namespace pare

#endif  // PARE_DISTRIBUTED_SHARE_MODEL_H_
