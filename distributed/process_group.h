// distributed/process_group.h: the processes that train one model together, and how they exchange tensors.
//
//   PARE_ASSIGN_OR_RETURN(std::shared_ptr<ProcessGroup> group, join_process_group({}));   // distributed/rendezvous.h
//   if (group != nullptr) {
//     PARE_RETURN_IF_ERROR(algorithm->distributed(group));
//     at::Tensor sum = at::ones({3});
//     PARE_RETURN_IF_ERROR(group->all_reduce(sum, Reduction::kSum));                       // {size, size, size}
//   }
//
// Every call but rank() and size() is collective: all processes make the same calls in the same order, with tensors of
// the same shape, dtype and kind of device. Tensors are dense. A process that makes another call, or none, lets the
// others wait for the group's timeout at most.
//
// Errors of all calls: Unavailable where another process has ended or does not answer within the timeout, which the
// message says: the group is of no use any more, and the process that gets it should end; InvalidArgument for a tensor
// or a rank that cannot be used.
//
// c10d_process_group.h has the groups of LibTorch; another transport derives from this class.

#ifndef PARE_DISTRIBUTED_PROCESS_GROUP_H_
#define PARE_DISTRIBUTED_PROCESS_GROUP_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace pare {

enum class Reduction { kSum, kMin, kMax };

class ProcessGroup {
 public:
  // Something under way, which the tensors that it was given wait for. Dropping it without wait() is allowed once the
  // group has failed.
  class Work {
   public:
    virtual ~Work() = default;
    // The tensors hold the result afterwards (on a GPU: what is computed next on the current stream sees it).
    virtual absl::Status wait() = 0;
  };

  virtual ~ProcessGroup() = default;
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  virtual int rank() const = 0;  // 0 ... size() - 1
  virtual int size() const = 0;

  // In place: each element over all processes. All get the same bits.
  virtual absl::StatusOr<std::unique_ptr<Work>> start_all_reduce(const at::Tensor& tensor, Reduction reduction) = 0;
  // In place: that of process `root` for all.
  virtual absl::Status broadcast(const at::Tensor& tensor, int root) = 0;
  // Everyone's tensor, by rank.
  virtual absl::StatusOr<std::vector<at::Tensor>> all_gather(const at::Tensor& tensor) = 0;

  absl::Status all_reduce(const at::Tensor& tensor, Reduction reduction);
  // Numbers of the host, in place.
  absl::Status reduce_numbers(absl::Span<double> numbers, Reduction reduction);
  // Returns when all have called it.
  absl::Status barrier();
  // Bytes, which may be of another length in each process.
  absl::StatusOr<std::string> broadcast_bytes(std::string_view bytes, int root);
  absl::StatusOr<std::vector<std::string>> gather_bytes(std::string_view bytes);

 protected:
  ProcessGroup() = default;

 private:
  // Where bytes travel: NCCL, for one, knows tensors of a GPU only.
  virtual c10::Device device() const = 0;
};

// Whether there is anybody to exchange anything with.
inline bool is_distributed(const ProcessGroup* group) { return group != nullptr && group->size() > 1; }

}  // namespace pare

#endif  // PARE_DISTRIBUTED_PROCESS_GROUP_H_
