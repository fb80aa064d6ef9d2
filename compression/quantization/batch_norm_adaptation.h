// compression/quantization/batch_norm_adaptation.h: fits the running statistics of batch norms to a model whose
// activations quantization has shifted.
//
//   PARE_ASSIGN_OR_RETURN(BatchNormAdaptation result, adapt_batch_norms(*model, quantizers, loader, 2000));
//
// Each batch norm normalises with the statistics of the batch, as in training, while everything else (dropout) works as
// in evaluation; its new running mean and variance are those of all values that the samples brought it, exactly: the
// batches' moments are combined (Chan, Golub, LeVeque 1983), not averaged with a momentum that forgets.
//
// Statistics of images without augmentation, batch by batch, can be worse than those that training left. So the first
// samples, up to a fifth of them, are held out: the adaptation is kept only if on them the quantized model's outputs
// come nearer, in mean squared difference, to those of the same model with its quantizers off and its old statistics.

#ifndef PARE_COMPRESSION_QUANTIZATION_BATCH_NORM_ADAPTATION_H_
#define PARE_COMPRESSION_QUANTIZATION_BATCH_NORM_ADAPTATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/quantization/insertion.h"
#include "data/data_loader.h"
#include "distributed/process_group.h"
#include "graph/model.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {

struct BatchNormAdaptation {
  enum class Outcome {
    kNothingToDo,  // no samples asked for, or no batch norm that follows the model's mode
    kKept,
    kReverted,     // it made the outputs worse
    kNotPossible,  // batches too small to have a variance, or too few samples to hold some out
  };
  Outcome outcome = Outcome::kNothingToDo;
  int64_t num_batch_norms = 0;
  int64_t num_samples = 0;  // that adapted, those held out aside
  int64_t num_held_out = 0;
  // Mean squared difference of the held-out outputs to those without quantizers.
  double error_before = 0;
  double error_after = 0;
};

std::string to_string(BatchNormAdaptation::Outcome outcome);

// For checkpoints. from_json() throws nlohmann's exceptions.
void to_json(nlohmann::json& json, const BatchNormAdaptation& adaptation);
void from_json(const nlohmann::json& json, BatchNormAdaptation& adaptation);

// In several processes each runs its part of the samples, and a batch is normalised with the statistics of all of it:
// the result is that of one process.
//
// The graph and the model's mode are as before when it returns, whatever it returns. Errors: the loader's and the
// model's.
absl::StatusOr<BatchNormAdaptation> adapt_batch_norms(graph::Model& model,
                                                      const std::vector<InsertedQuantizer>& quantizers,
                                                      data::DataLoader& loader, int64_t num_samples,
                                                      ProcessGroup* process_group = nullptr);

// Mean and variance of values that come in batches.
class RunningMoments {
 public:
  // `count` values a channel, with their mean and unbiased variance. Fewer than two have none: they are left out.
  void add(const at::Tensor& mean, const at::Tensor& unbiased_variance, int64_t count);
  int64_t count() const { return count_; }
  at::Tensor mean() const { return mean_; }  // float64 [channels]
  at::Tensor unbiased_variance() const;      // float64 [channels]; needs at least two values

 private:
  at::Tensor mean_, squares_;  // squares_: the sum of squared distances from the mean
  int64_t count_ = 0;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_BATCH_NORM_ADAPTATION_H_
