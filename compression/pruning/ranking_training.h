// compression/pruning/ranking_training.h: how well a model does after it is pruned in some way and trained a little.
//
//   PARE_ASSIGN_OR_RETURN(double loss, loss_after_training(*model, loader, prune, {.train_steps = 200}));
//
// For ranking_search.h: prunes, trains by plain gradient descent with momentum 0.9 on the cross-entropy, measures the
// loss in evaluation mode on the batches after those (from the start again where the loader ends), and puts everything
// back exactly: parameters, buffers, gradients, mode, and LibTorch's random numbers. In several processes each trains
// on its part of the batches, with the batch norms' statistics and the averaged gradients of all parts, and all get the
// loss over all samples; a batch with fewer samples than there are processes is left out.

#ifndef PARE_COMPRESSION_PRUNING_RANKING_TRAINING_H_
#define PARE_COMPRESSION_PRUNING_RANKING_TRAINING_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "data/data_loader.h"
#include "distributed/process_group.h"
#include "graph/model.h"

namespace pare::pruning {

struct RankingTrainingOptions {
  int64_t train_steps = 200;
  double learning_rate = 0.01;
  int64_t evaluation_batches = 10;
};

// The standard deviation of each layer's importances over the norm of them, as they are normalised when layers are
// ranked.
std::vector<double> importance_deviations(const std::vector<std::vector<double>>& filters);

// `prune` is called in between: what it writes into parameters and buffers is put back, too. Errors: the loader's, the
// model's, `prune`'s, InvalidArgument if a batch has no targets.
absl::StatusOr<double> loss_after_training(graph::Model& model, data::DataLoader& loader,
                                           const std::function<absl::Status()>& prune,
                                           const RankingTrainingOptions& options,
                                           ProcessGroup* process_group = nullptr);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_RANKING_TRAINING_H_
