#include "acme/losses/level_loss.h"

#include <ATen/TensorOperators.h>

namespace acme {

at::Tensor LevelLoss::forward() {
  at::Tensor sum;
  for (const auto& [weight, rounded] : weights_()) {
    const at::Tensor distance = (weight - rounded.detach()).square().mean() * factor_;
    sum = sum.defined() ? sum + distance : distance;
  }
  return sum;
}

}  // namespace acme
