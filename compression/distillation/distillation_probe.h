// compression/distillation/distillation_probe.h: keeps what a network got and gave, for a loss that compares.
//
// Node inputs: the network's output, then its inputs. The output passes as it is.

#ifndef PARE_COMPRESSION_DISTILLATION_DISTILLATION_PROBE_H_
#define PARE_COMPRESSION_DISTILLATION_DISTILLATION_PROBE_H_

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/model.h"
#include "graph/transform.h"

namespace pare::distillation {

class DistillationProbe : public graph::Transform {
 public:
  struct Seen {
    at::Tensor output;  // with its gradient function
    std::vector<at::Tensor> inputs;
  };

  // `model`, which says whether it is in training, owns the graph that this is in. Otherwise nothing is kept.
  explicit DistillationProbe(const graph::Model& model) : model_(model) {}

  std::string_view type() const override { return "distillation_probe"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override {
    seen_.reset();
    if (model_.is_training()) seen_ = Seen{inputs[0], {inputs.begin() + 1, inputs.end()}};
    return inputs[0];
  }

  // What the last forward() saw; nothing the second time, so that no graph of gradients is held longer than needed.
  std::optional<Seen> take() { return std::exchange(seen_, std::nullopt); }

 private:
  const graph::Model& model_;
  std::optional<Seen> seen_;
};

}  // namespace pare::distillation

#endif  // PARE_COMPRESSION_DISTILLATION_DISTILLATION_PROBE_H_
