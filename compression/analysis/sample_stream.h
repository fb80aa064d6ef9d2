// compression/analysis/sample_stream.h: runs something over the first so many samples of a data loader.
//
//   PARE_ASSIGN_OR_RETURN(int64_t seen, for_each_batch(*model, loader, 256, [&](SampleBatch batch) {
//     return model->forward_tensor(batch.inputs).status();
//   }));

#ifndef PARE_COMPRESSION_ANALYSIS_SAMPLE_STREAM_H_
#define PARE_COMPRESSION_ANALYSIS_SAMPLE_STREAM_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "data/data_loader.h"
#include "distributed/process_group.h"
#include "graph/model.h"

namespace pare {

struct SampleBatch {
  std::vector<at::Tensor> inputs;  // of the model, on its device
  int64_t first = 0;               // the number of its first sample, of all that the loader gives, from 0
  // The same of the whole batch, which several processes share, and how many samples of it are looked at.
  int64_t first_of_whole = 0;
  int64_t whole_size = 0;
};

// Starts pass 0 and hands out each batch, the last one cut so that there are `max_samples` at most. Where several
// processes share the batches (data/shard.h), those are the samples of all together, and a process whose part of a
// batch is empty is not called for it. Returns how many samples there were for all: fewer than asked for if the loader
// has no more. Errors: the loader's and the function's.
absl::StatusOr<int64_t> for_each_batch(const graph::Model& model, data::DataLoader& loader, int64_t max_samples,
                                       absl::FunctionRef<absl::Status(SampleBatch batch)> visit);

// The same for runs in whose midst the processes exchange something: each calls `visit` for every batch, with inputs of
// no samples where its part is empty. Before each batch, and at the end, they agree that none has had an error (Aborted
// where another one has). `group` may be nullptr: alone.
absl::StatusOr<int64_t> for_each_batch_together(const graph::Model& model, data::DataLoader& loader,
                                                int64_t max_samples, ProcessGroup* group,
                                                absl::FunctionRef<absl::Status(SampleBatch batch)> visit);

// While it lives, the model is in evaluation mode.
class EvaluationMode {
 public:
  explicit EvaluationMode(graph::Model& model) : model_(model), was_training_(model.is_training()) { model.eval(); }
  ~EvaluationMode() { model_.train(was_training_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  graph::Model& model_;
  bool was_training_;
};

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_SAMPLE_STREAM_H_
