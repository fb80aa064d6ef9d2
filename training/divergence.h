// training/divergence.h: why a loss is no number any more.
//
//   if (!std::isfinite(loss)) return divergence_error(model, batch, step, "out/last.checkpoint");
//
// The model runs once more on the batch, observed node by node, to find where the first NaN or infinity shows.

#ifndef PARE_TRAINING_DIVERGENCE_H_
#define PARE_TRAINING_DIVERGENCE_H_

#include <string>

#include "absl/status/status.h"
#include "data/batch.h"
#include "graph/model.h"
#include "training/report.h"

namespace pare::training {

// The first place that is not finite: an input of the batch, parameters or buffers, a node's output, gradients; a
// phrase for a message. Empty if all are finite.
std::string first_non_finite(graph::Model& model, const data::Batch& batch);

// Aborted: at which step, which part of the loss, where it first shows, what to try, and which checkpoint is still good
// (empty: none).
absl::Status divergence_error(graph::Model& model, const data::Batch& batch, const StepReport& step,
                              const std::string& good_checkpoint);

// The same for a NaN among the answers of an evaluation after `step`, which may come from the step's own update.
absl::Status evaluation_divergence_error(graph::Model& model, const data::Batch& batch, const StepReport& step,
                                         const std::string& good_checkpoint);

}  // namespace pare::training

#endif  // PARE_TRAINING_DIVERGENCE_H_
