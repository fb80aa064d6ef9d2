// training/evaluate.h: how often a classifier is right.
//
//   PARE_ASSIGN_OR_RETURN(EvaluationResult result, evaluate(*model, test_loader));
//   std::cout << result.to_string();  // "top1 0.9173 (9173/10000)"

#ifndef PARE_TRAINING_EVALUATE_H_
#define PARE_TRAINING_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "data/batch.h"
#include "data/data_loader.h"
#include "distributed/process_group.h"
#include "graph/model.h"

namespace pare::training {

struct EvaluationResult {
  int64_t correct = 0;
  int64_t total = 0;
  double loss = 0.0;  // mean cross entropy

  double top1() const { return total == 0 ? 0.0 : static_cast<double>(correct) / static_cast<double>(total); }
  std::string to_string() const;  // "top1 0.9173 (9173/10000)"
};

// Called after each batch, for a progress bar.
using EvaluationProgress = std::function<void(int64_t batches_done, int64_t num_batches)>;

// Asked before each batch: whether to give up.
using ShouldStop = std::function<bool()>;

// With a loader of shards (data/shard.h) it is the result of this process's part, and nothing, {}, where that is empty.
//
// One pass (number 0) over the loader in evaluation mode and without gradients; the model's mode is restored. The
// greatest logit counts as the answer, the first of equal ones. Batches are moved to the model's device. Errors: those
// of the model and the loader; InvalidArgument if the loader has no samples or no targets, the output is not [B,
// classes], a target is no class, or a logit is NaN (named with its batch); Cancelled if `should_stop` said so.
absl::StatusOr<EvaluationResult> evaluate(graph::Model& model, data::DataLoader& loader,
                                          const EvaluationProgress& progress = nullptr,
                                          const ShouldStop& should_stop = nullptr);

// The same for anything that gives logits [B, classes] for a batch: another runtime, an ensemble.
using Classifier = std::function<absl::StatusOr<at::Tensor>(const data::Batch& batch)>;
absl::StatusOr<EvaluationResult> evaluate(const Classifier& classifier, data::DataLoader& loader,
                                          const EvaluationProgress& progress = nullptr,
                                          const ShouldStop& should_stop = nullptr);

// The result over all samples, in every process, from that of each one's part; alone (nullptr) it is `mine`. An error
// in one is one in all: its own there, Aborted elsewhere. Collective; also the group's errors.
absl::StatusOr<EvaluationResult> over_all_processes(absl::StatusOr<EvaluationResult> mine, ProcessGroup* group);

// A batch with its tensors on `device`; those that are there already are shared.
data::Batch to_device(data::Batch batch, c10::Device device);

}  // namespace pare::training

#endif  // PARE_TRAINING_EVALUATE_H_
