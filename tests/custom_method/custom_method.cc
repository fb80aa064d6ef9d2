// A compression method that lives outside of the library: "soft_threshold".
#include <ATen/ops/softshrink.h>

#include "compression/registry.h"
#include "graph/fold_weight_hooks.h"
#include "graph/hooks.h"

namespace custom {
// Pulls each weight towards zero by a threshold: those below it are zero.
struct Shrink : pare::graph::Transform {
  std::string_view type() const override { return "shrink"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return at::softshrink(inputs[0], threshold); }
  double threshold = 0;
};
// The share `factor` of the weights' absolute values.
struct L1Loss : pare::CompressionLoss {
  at::Tensor forward() override {
    at::Tensor sum = weights.at(0)->tensor().new_zeros({});
    for (pare::graph::Value* weight : weights) sum = sum.add(weight->tensor().abs().sum(), factor);
    return sum;
  }
  std::vector<pare::graph::Value*> weights;
  double factor = 0;
};
// Raises the threshold by `rise` an epoch.
struct RisingThreshold : pare::CompressionScheduler {
  void epoch_step(std::optional<int64_t> last) override {
    CompressionScheduler::epoch_step(last);
    shrink->threshold = rise * static_cast<double>(current_epoch() + 1);
  }
  std::shared_ptr<Shrink> shrink = std::make_shared<Shrink>();
  double rise = 0;
};
struct SoftThreshold : pare::CompressionAlgorithm {
  using CompressionAlgorithm::CompressionAlgorithm;
  static absl::StatusOr<std::unique_ptr<SoftThreshold>> create(std::shared_ptr<pare::graph::Model> model,
                                                               const pare::AlgorithmConfig& config,
                                                               const pare::InputSize& input_size) {
    auto method = std::make_unique<SoftThreshold>(model, config, input_size);
    pare::config::ObjectReader reader(config.object, config.path);
    pare::accept_common_keys(reader);
    method->loss_.factor = reader.number("l1", 0.001, {.min = 0});
    method->scheduler_.rise = reader.number("rise", 0.01, {.min = 0});
    if (absl::Status status = reader.finish(); !status.ok()) return status;
    for (pare::graph::Value* value : model->graph().parameters()) {
      if (value->tensor().dim() < 2) continue;  // biases stay as they are
      method->loss_.weights.push_back(value);
      auto hook = pare::graph::insert_weight_hook(model->graph(), value, method->scheduler_.shrink, {});
      if (!hook.ok()) return hook.status();
    }
    return method;
  }
  absl::Status prepare_for_export() override { return pare::graph::fold_weight_hooks(model()->graph(), "shrink"); }
  pare::CompressionLoss& loss() override { return loss_; }
  pare::CompressionScheduler& scheduler() override { return scheduler_; }
  L1Loss loss_;
  RisingThreshold scheduler_;
};
PARE_REGISTER_ALGORITHM("soft_threshold", SoftThreshold);
}  // namespace custom
