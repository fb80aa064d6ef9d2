// distributed/gradient_averager.h: averages gradients over processes while the backward pass goes on.
//
//   GradientAverager averager(group, model->parameters());        // once, in every process, of the same parameters
//   for (...) {
//     averager.start();
//     (loss * weight).backward();                                  // hooks see each gradient as it is done
//     PARE_RETURN_IF_ERROR(averager.finish());                     // .grad() is the mean over the processes
//     optimizer->step(rate);
//   }
//
// Gradients travel in buckets of some megabytes: a bucket sets out when the last of its gradients is done, so that most
// of the exchange is over when the backward pass is. Buckets are filled in the order in which gradients came in the
// first step, in process 0; what came in no order then goes last. (Li et al. 2020, PyTorch Distributed,
// arXiv:2006.15704, section 3.2.) All processes get the same bits.
//
// A parameter that no process has used keeps no gradient, so that optimizers leave it alone; one that some have used is
// zero for the others. Where processes share a batch in unequal parts, each multiplies its loss by its part of the
// samples times the number of processes: the mean is then that over all samples.

#ifndef PARE_DISTRIBUTED_GRADIENT_AVERAGER_H_
#define PARE_DISTRIBUTED_GRADIENT_AVERAGER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "distributed/process_group.h"

namespace pare {

class GradientAverager {
 public:
  static constexpr int64_t kBucketBytes = int64_t{8} << 20;

  // Of those parameters that require a gradient. The group must outlive it.
  GradientAverager(ProcessGroup& group, std::vector<at::Tensor> parameters, int64_t bucket_bytes = kBucketBytes);
  ~GradientAverager();
  GradientAverager(const GradientAverager&) = delete;
  GradientAverager& operator=(const GradientAverager&) = delete;

  // Before a backward pass. Gradients must be undefined or zero: what is there already is taken for this process's.
  void start();
  // After it, in every process. The group's errors; gradients are of no use then.
  absl::Status finish();

  // How many buckets the last step's gradients travelled in.
  int64_t num_buckets() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pare

#endif  // PARE_DISTRIBUTED_GRADIENT_AVERAGER_H_
