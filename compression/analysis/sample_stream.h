// compression/analysis/sample_stream.h: runs something over the first so many samples of a data loader.
//
//   PARE_ASSIGN_OR_RETURN(int64_t seen, for_each_batch(*model, loader, 256, [&](std::vector<at::Tensor> inputs) {
//     return model->forward_tensor(inputs).status();
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
#include "graph/model.h"

namespace pare {

// Starts pass 0 and hands out each batch's inputs, on the model's device, the last one cut so that there are
// `max_samples` at most. Returns how many samples there were: fewer if the loader has no more. Errors: the loader's and
// the function's.
absl::StatusOr<int64_t> for_each_batch(const graph::Model& model, data::DataLoader& loader, int64_t max_samples,
                                       absl::FunctionRef<absl::Status(std::vector<at::Tensor> inputs)> visit);

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
