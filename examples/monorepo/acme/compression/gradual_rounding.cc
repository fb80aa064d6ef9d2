#include "acme/compression/gradual_rounding.h"

#include <ATen/TensorOperators.h>

#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "compression/registry.h"
#include "config/object_reader.h"
#include "graph/fold_weight_hooks.h"
#include "graph/hooks.h"
#include "ops/fake_quantize.h"
#include "schedulers/registry.h"

namespace acme {

using pare::graph::Value;

class RoundingHook : public pare::graph::Transform {
 public:
  explicit RoundingHook(int64_t bits) : highest_((int64_t{1} << (bits - 1)) - 1) {}

  std::string_view type() const override { return "acme_rounding"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override {
    if (level == 0) return inputs[0];
    return inputs[0] * (1 - level) + rounded(inputs[0]) * level;
  }
  // The gradient passes through the rounding as if it were not there.
  at::Tensor rounded(const at::Tensor& weight) const {
    const at::Tensor largest = weight.detach().abs().max().reshape({1});
    return pare::ops::fake_quantize_symmetric(weight, largest, -highest_, highest_, /*channel_axis=*/-1, 1e-16,
                                              pare::ops::GradientRule::kExact);
  }

  double level = 0;

 private:
  int64_t highest_;
};

namespace {

std::vector<Value*> weights_of(pare::graph::Graph& graph) {
  std::vector<Value*> weights;
  for (Value* parameter : graph.parameters()) {
    if (parameter->tensor().dim() >= 2) weights.push_back(parameter);
  }
  return weights;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GradualRounding>> GradualRounding::create(std::shared_ptr<pare::graph::Model> model,
                                                                         const pare::AlgorithmConfig& config,
                                                                         const pare::InputSize& input_size) {
  pare::config::ObjectReader reader(config.object, config.path);
  pare::accept_common_keys(reader);
  const int64_t bits = reader.integer("bits", 4, {.min = 2, .max = 8});
  const double pull = reader.number("pull", 0.1, {.min = 0});
  pare::config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  PARE_RETURN_IF_ERROR(reader.finish());
  PARE_ASSIGN_OR_RETURN(auto schedule, pare::make_level_schedule("acme", "acme_cosine", params, {}));
  PARE_RETURN_IF_ERROR(params.finish());

  auto hook = std::make_shared<RoundingHook>(bits);
  for (Value* weight : weights_of(model->graph())) {
    PARE_RETURN_IF_ERROR(pare::graph::insert_weight_hook(model->graph(), weight, hook, {}).status());
  }
  return std::unique_ptr<GradualRounding>(
      new GradualRounding(std::move(model), config, input_size, pull, std::move(hook), std::move(schedule)));
}

GradualRounding::GradualRounding(std::shared_ptr<pare::graph::Model> model, const pare::AlgorithmConfig& config,
                                 const pare::InputSize& input_size, double pull, std::shared_ptr<RoundingHook> hook,
                                 std::unique_ptr<pare::LevelSchedule> schedule)
    : CompressionAlgorithm(std::move(model), config, input_size),
      hook_(std::move(hook)),
      schedule_(std::move(schedule)),
      loss_(pull, [this] {
        std::vector<RoundedWeight> weights;
        for (Value* weight : weights_of(this->model()->graph())) {
          weights.emplace_back(weight->tensor(), hook_->rounded(weight->tensor()));
        }
        return weights;
      }) {
  schedule_->set_listener([this](const pare::LevelSchedule& schedule) { hook_->level = schedule.level(); });
}

absl::Status GradualRounding::prepare_for_export() {
  hook_->level = 1;
  return pare::graph::fold_weight_hooks(model()->graph(), hook_->type());
}

PARE_REGISTER_ALGORITHM("acme_gradual_rounding", GradualRounding);

}  // namespace acme
