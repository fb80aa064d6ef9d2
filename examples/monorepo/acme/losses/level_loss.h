// acme/losses/level_loss.h: a loss that pulls weights towards the levels that they will be rounded to.
//
//   loss = factor * sum over the weights of mean (w - rounded(w))^2

#ifndef ACME_LOSSES_LEVEL_LOSS_H_
#define ACME_LOSSES_LEVEL_LOSS_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <utility>
#include <vector>

#include "losses/compression_loss.h"

namespace acme {

// A weight, and what it will be.
using RoundedWeight = std::pair<at::Tensor, at::Tensor>;

class LevelLoss : public pare::CompressionLoss {
 public:
  // `weights` is called in each iteration.
  LevelLoss(double factor, std::function<std::vector<RoundedWeight>()> weights)
      : factor_(factor), weights_(std::move(weights)) {}

  at::Tensor forward() override;

 private:
  double factor_;
  std::function<std::vector<RoundedWeight>()> weights_;
};

}  // namespace acme

#endif  // ACME_LOSSES_LEVEL_LOSS_H_
