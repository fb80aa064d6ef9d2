// distributed/synchronized_batch_norm.h: batch norms that normalise with the statistics of all processes' samples, for
// as long as it lives.
//
//   SynchronizedBatchNorm synchronized(*model, *group);
//   model->train();
//   ... forward() and backward(), in all processes alike ...
//
// In training, a batch norm's mean and variance are those of the whole batch and not of a process's part of it, and so
// are the running ones: several processes compute what one would. (Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm
// 1 and section 3, with the sums over the batch taken over all processes; in double.) Each costs two small exchanges a
// step, one on the way forward and one back. In evaluation mode, and where a network's batch norms are frozen, nothing
// changes.

#ifndef PARE_DISTRIBUTED_SYNCHRONIZED_BATCH_NORM_H_
#define PARE_DISTRIBUTED_SYNCHRONIZED_BATCH_NORM_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "distributed/process_group.h"
#include "graph/graph.h"
#include "graph/model.h"

namespace pare {

class SynchronizedBatchNorm {
 public:
  // In evaluation mode a batch norm may have its own flag set, to take the statistics of the batch.
  enum class Modes {
    kTraining,  // what runs then is not the same in all processes (calibration): nothing is exchanged
    kEvery,     // all processes run the same then, too (batch norm adaptation)
  };

  // Both must outlive it, and so must the batch norms in the graph.
  SynchronizedBatchNorm(graph::Model& model, ProcessGroup& group, Modes modes = Modes::kTraining);
  ~SynchronizedBatchNorm();
  SynchronizedBatchNorm(const SynchronizedBatchNorm&) = delete;
  SynchronizedBatchNorm& operator=(const SynchronizedBatchNorm&) = delete;

  // Whether this process's samples count in the statistics; those of a batch that only stands in do not.
  void set_counts(bool counts) { settings_->counts = counts; }

  // How many batch norms are synchronized.
  size_t size() const { return replaced_.size(); }

  // The group's error, once an exchange has failed: what the model's forward() and backward() then say is LibTorch's.
  const absl::Status& status() const { return settings_->status; }

  // What the operators share with it.
  struct Settings {
    graph::Model* model;
    ProcessGroup* group;  // nullptr: what it belonged to is gone
    Modes modes;
    bool counts = true;
    absl::Status status;
  };

 private:
  struct Replaced {
    graph::Node* original;
    graph::Node* replacement;
  };

  graph::Graph& graph_;
  std::shared_ptr<Settings> settings_;
  std::vector<Replaced> replaced_;
};

}  // namespace pare

#endif  // PARE_DISTRIBUTED_SYNCHRONIZED_BATCH_NORM_H_
