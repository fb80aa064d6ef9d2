#include "compression/binarization/binarization_algorithm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/sample_stream.h"
#include "compression/analysis/weight_conflicts.h"
#include "compression/analysis/zero_inputs.h"
#include "compression/binarization/lowering.h"
#include "compression/quantization/quantile_sketch.h"
#include "distributed/agree.h"
#include "distributed/gather_json.h"
#include "graph/fold_weight_hooks.h"
#include "graph/hooks.h"
#include "graph/profile.h"

namespace pare::binarization {
namespace {

using quantization::QuantileSketch;

// The share of activations, in percent, that lie below the first scale.
constexpr double kScalePercentile = 99.9;

// What all processes have seen, in each. One message for all.
absl::Status exchange(std::vector<QuantileSketch>& sketches, ProcessGroup& process_group) {
  nlohmann::json states = nlohmann::json::array();
  for (const QuantileSketch& sketch : sketches) states.push_back(sketch.state());
  PARE_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> everyones, gather_json(process_group, states));
  sketches.assign(sketches.size(), QuantileSketch());
  for (const nlohmann::json& theirs : everyones) {
    if (!theirs.is_array() || theirs.size() != sketches.size()) {
      return absl::InvalidArgumentError("another process binarizes other layers: all need the same model and config");
    }
    for (size_t i = 0; i < sketches.size(); ++i) PARE_RETURN_IF_ERROR(sketches[i].merge(theirs[i]));
  }
  return absl::OkStatus();
}

double percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

absl::StatusOr<std::unique_ptr<BinarizationAlgorithm>> BinarizationAlgorithm::create(
    std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size) {
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  const WeightRule rule =
      reader.one_of("mode", "xnor", {"xnor", "dorefa"}) == "dorefa" ? WeightRule::kDorefa : WeightRule::kXnor;
  config::ObjectReader initializer(reader.object("initializer"), reader.path_of("initializer"));
  config::ObjectReader range(initializer.object("range"), initializer.path_of("range"));
  const int64_t samples = range.integer("num_init_samples", 256, {.min = 1});
  PARE_RETURN_IF_ERROR(range.finish());
  PARE_RETURN_IF_ERROR(initializer.finish());
  std::optional<StagedParams> staged;
  if (const nlohmann::json* object = reader.object("params"); object != nullptr) {
    config::ObjectReader params(object, reader.path_of("params"));
    staged = StagedParams::read(params);
    PARE_RETURN_IF_ERROR(params.finish());
  }
  PARE_RETURN_IF_ERROR(reader.finish());

  PARE_ASSIGN_OR_RETURN(
      std::vector<WeightedLayer> layers,
      select_layers(find_weighted_layers(model->graph()), model->graph(), config, [](const WeightedLayer& layer) {
        return layer.kind == LayerKind::kConvolution && layer.output_axis.has_value();
      }));
  std::unique_ptr<BinarizationAlgorithm> method(new BinarizationAlgorithm(std::move(model), config, input_size));
  method->num_init_samples_ = samples;
  for (WeightedLayer& layer : layers) PARE_RETURN_IF_ERROR(method->add_layer(std::move(layer), rule));
  PARE_RETURN_IF_ERROR(method->count_macs());
  if (staged.has_value()) {
    method->staged_ = std::make_unique<StagedScheduler>(
        *staged, [self = method.get()](bool weights, bool activations) { self->set_enabled(weights, activations); },
        [] {});
  }
  return method;
}

absl::Status BinarizationAlgorithm::add_layer(WeightedLayer layer, WeightRule rule) {
  graph::Graph& graph = model()->graph();
  PARE_RETURN_IF_ERROR(check_weight_is_free(*layer.weight, WeightUse::kBinarizes, config()));
  Layer made;
  const std::string owner = absl::StrCat(config().name, " at ", config().path);
  made.weights = std::make_shared<WeightBinarizer>(rule, *layer.output_axis);
  made.weights->set_owner(owner);
  PARE_ASSIGN_OR_RETURN(made.weight_hook, graph::insert_weight_hook(graph, layer.weight, made.weights, {}));
  for (size_t i = 0; i < layer.operators.size(); ++i) {
    graph::Node* node = layer.operators[i];
    const graph::Value* groups = node->argument("groups");
    const int64_t num_groups =
        groups != nullptr && groups->is_constant() && groups->constant().isInt() ? groups->constant().toInt() : 1;
    const int64_t input_axis = *layer.output_axis == 0 ? 1 : 0;  // transposed: [in, out / groups, ...]
    const at::Tensor& weight = layer.weight->tensor();
    const int64_t channels = weight.size(input_axis) * (input_axis == 1 ? num_groups : 1);
    const std::string name = absl::StrCat(layer.name, ".activation_binarizer", i == 0 ? "" : absl::StrCat("_", i));
    const auto options = weight.options().dtype(at::kFloat);
    PARE_ASSIGN_OR_RETURN(graph::Value * scale,
                          graph.add_parameter(name + ".scale", at::ones({1}, options).set_requires_grad(true)));
    PARE_ASSIGN_OR_RETURN(
        graph::Value * threshold,
        graph.add_parameter(name + ".threshold", at::zeros({channels}, options).set_requires_grad(true)));
    auto binarizer = std::make_shared<ActivationBinarizer>();
    binarizer->set_owner(owner);
    PARE_ASSIGN_OR_RETURN(graph::Node * hook, graph::insert_pre_hook(graph, node, 0, binarizer, {scale, threshold}));
    made.activations.push_back(std::move(binarizer));
    made.activation_hooks.push_back(hook);
  }
  made.layer = std::move(layer);
  layers_.push_back(std::move(made));
  return absl::OkStatus();
}

absl::Status BinarizationAlgorithm::count_macs() {
  PARE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> inputs, zero_inputs(*model(), input_size()));
  PARE_ASSIGN_OR_RETURN(const graph::ModelProfile profile, graph::profile_model(*model(), inputs));
  for (const graph::NodeProfile& node : profile.nodes) {
    model_macs_ += node.flops / 2;
    for (Layer& layer : layers_) {
      const auto& operators = layer.layer.operators;
      if (std::find(operators.begin(), operators.end(), node.node) != operators.end()) layer.macs += node.flops / 2;
    }
  }
  return absl::OkStatus();
}

void BinarizationAlgorithm::set_enabled(bool weights, bool activations) {
  for (Layer& layer : layers_) {
    layer.weights->set_enabled(weights);
    for (const auto& binarizer : layer.activations) binarizer->set_enabled(activations);
  }
}

absl::Status BinarizationAlgorithm::distributed(const std::shared_ptr<ProcessGroup>& process_group) {
  process_group_ = process_group;
  return absl::OkStatus();
}

absl::Status BinarizationAlgorithm::initialize(data::DataLoader& data_loader) {
  if (is_lowered_) {
    return absl::FailedPreconditionError("the model was prepared for export: its binarizers are fixed");
  }
  std::vector<ActivationBinarizer*> binarizers;
  for (Layer& layer : layers_) {
    for (const auto& binarizer : layer.activations) binarizers.push_back(binarizer.get());
  }
  std::vector<QuantileSketch> seen_by(binarizers.size());
  // What is seen is what flows while nothing is binarized.
  const bool weights = layers_[0].weights->is_enabled(), activations = binarizers[0]->is_enabled();
  const absl::Cleanup restore = [&] {
    set_enabled(weights, activations);
    for (ActivationBinarizer* binarizer : binarizers) binarizer->set_observer(nullptr);
  };
  set_enabled(false, false);
  for (size_t i = 0; i < binarizers.size(); ++i) {
    binarizers[i]->set_observer([&sketch = seen_by[i]](const at::Tensor& x) {
      const at::Tensor dense = x.detach().to(c10::kCPU, c10::kFloat).contiguous();
      sketch.add(dense.data_ptr<float>(), dense.numel());
    });
  }
  const EvaluationMode evaluation(*model());
  const at::NoGradGuard no_grad;
  const absl::StatusOr<int64_t> seen = for_each_batch(*model(), data_loader, num_init_samples_, [&](SampleBatch batch) {
    return model()->forward_tensor(batch.inputs).status();
  });
  PARE_RETURN_IF_ERROR(agree(process_group_.get(), seen.status()));
  if (*seen == 0) return absl::InvalidArgumentError("the data loader gave no samples to take the first scales from");
  if (is_distributed(process_group_.get())) PARE_RETURN_IF_ERROR(exchange(seen_by, *process_group_));
  size_t i = 0;
  for (Layer& layer : layers_) {
    for (graph::Node* hook : layer.activation_hooks) {
      const QuantileSketch& sketch = seen_by[i++];
      if (sketch.has_non_finite()) {
        return absl::InvalidArgumentError(absl::StrCat(
            layer.layer.name, ": a NaN or an infinity reached its input; look for it in the weights and in the data"));
      }
      const double scale = sketch.count() > 0 ? sketch.quantile(kScalePercentile / 100) : 0.0;
      // An input that is never above zero would be zero for ever.
      if (scale > 0) hook->input(1)->tensor().detach().fill_(scale);
    }
  }
  return absl::OkStatus();
}

CompressionScheduler& BinarizationAlgorithm::scheduler() {
  return staged_ != nullptr ? *staged_ : CompressionAlgorithm::scheduler();
}

CompressionStage BinarizationAlgorithm::stage() const {
  const bool weights = staged_ == nullptr || staged_->weights_are_quantized();
  const bool activations = staged_ == nullptr || staged_->activations_are_quantized();
  if (weights && activations) return CompressionStage::kFullyCompressed;
  return weights || activations ? CompressionStage::kPartiallyCompressed : CompressionStage::kUncompressed;
}

Statistics BinarizationAlgorithm::statistics() const {
  int64_t macs = 0;
  for (const Layer& layer : layers_) macs += layer.macs;
  Statistics statistics;
  statistics.set("binary_macs_percent", percent(macs, model_macs_));
  statistics.set("weights_binarized", layers_[0].weights->is_enabled());
  statistics.set("activations_binarized", layers_[0].activations[0]->is_enabled());
  Table& table = statistics.table("layers", {"name", "macs", "share_of_model_percent"});
  for (const Layer& layer : layers_) {
    table.add_row({layer.layer.name, layer.macs, percent(layer.macs, model_macs_)});
  }
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

absl::Status BinarizationAlgorithm::prepare_for_export() {
  if (is_lowered_) return absl::OkStatus();
  graph::Graph& graph = model()->graph();
  for (Layer& layer : layers_) {
    for (size_t i = 0; i < layer.activations.size(); ++i) {
      if (layer.activations[i]->is_enabled()) {
        PARE_RETURN_IF_ERROR(lower_activation_binarizer(graph, layer.activation_hooks[i]));
        continue;
      }
      graph::Node* hook = layer.activation_hooks[i];
      graph::Value *scale = hook->input(1), *threshold = hook->input(2);
      PARE_RETURN_IF_ERROR(graph::remove_hook(graph, hook));
      PARE_RETURN_IF_ERROR(graph.remove_parameter(scale));
      PARE_RETURN_IF_ERROR(graph.remove_parameter(threshold));
    }
    if (!layer.weights->is_enabled()) PARE_RETURN_IF_ERROR(graph::remove_hook(graph, layer.weight_hook));
    layer.activation_hooks.clear();
    layer.weight_hook = nullptr;
  }
  set_own_parameters({});
  is_lowered_ = true;
  return graph::fold_weight_hooks(graph, "weight_binarizer");
}

}  // namespace pare::binarization
