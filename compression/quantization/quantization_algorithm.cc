#include "compression/quantization/quantization_algorithm.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "compression/quantization/batch_norm_folding.h"
#include "compression/quantization/lowering.h"
#include "compression/quantization/placement.h"
#include "compression/quantization/quantization_statistics.h"
#include "compression/quantization/range_initializer.h"
#include "data/data_loader.h"

namespace pare::quantization {

absl::StatusOr<std::unique_ptr<QuantizationAlgorithm>> QuantizationAlgorithm::create(
    std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size) {
  PARE_ASSIGN_OR_RETURN(QuantizationConfig settings, QuantizationConfig::parse(config));
  graph::Graph& graph = model->graph();
  PARE_RETURN_IF_ERROR(settings.check_scopes(graph));
  PARE_ASSIGN_OR_RETURN(const QuantizerSetup setup, place_quantizers(graph, settings.placement));
  PARE_ASSIGN_OR_RETURN(std::vector<InsertedQuantizer> quantizers,
                        insert_quantizers(graph, setup, {.gradient = settings.gradient}));
  PARE_RETURN_IF_ERROR(initialize_weight_ranges(quantizers, settings.ranges));
  return std::unique_ptr<QuantizationAlgorithm>(
      new QuantizationAlgorithm(std::move(model), config, input_size, std::move(settings), std::move(quantizers)));
}

QuantizationAlgorithm::QuantizationAlgorithm(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config,
                                             const InputSize& input_size, QuantizationConfig settings,
                                             std::vector<InsertedQuantizer> quantizers)
    : CompressionAlgorithm(std::move(model), config, input_size),
      settings_(std::move(settings)),
      quantizers_(std::move(quantizers)) {
  std::vector<graph::Value*> own;
  for (const InsertedQuantizer& inserted : quantizers_) {
    for (graph::Value* parameter : inserted.quantizer->parameters()) {
      if (std::find(own.begin(), own.end(), parameter) == own.end()) own.push_back(parameter);
    }
  }
  set_own_parameters(std::move(own));
  if (!settings_.staged.has_value()) return;
  staged_ = std::make_unique<StagedScheduler>(
      *settings_.staged, [this](bool weights, bool activations) { set_enabled(weights, activations); },
      [this] {
        if (loader_ == nullptr) return;  // Not initialised from data: a resumed training keeps its ranges.
        absl::Status status = take_ranges();
        if (status.ok()) status = adapt();
        if (!status.ok()) {
          log_warning(absl::StrCat("quantization ranges could not be initialised again and stay as they were: ",
                                   status.message()));
        }
      });
}

void QuantizationAlgorithm::set_enabled(bool weights, bool activations) {
  for (const InsertedQuantizer& inserted : quantizers_) {
    inserted.quantizer->set_enabled(inserted.quantizer->is_weight() ? weights : activations);
  }
}

absl::Status QuantizationAlgorithm::take_ranges() {
  // Activations first: they can fail, and nothing has changed then.
  PARE_RETURN_IF_ERROR(initialize_activation_ranges(*model(), quantizers_, settings_.ranges, *loader_));
  return initialize_weight_ranges(quantizers_, settings_.ranges);
}

absl::Status QuantizationAlgorithm::adapt() {
  const bool any_on = std::any_of(quantizers_.begin(), quantizers_.end(),
                                  [](const InsertedQuantizer& inserted) { return inserted.quantizer->is_active(); });
  if (!any_on) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(adaptation_,
                        adapt_batch_norms(*model(), quantizers_, *loader_, settings_.num_bn_adaptation_samples));
  return absl::OkStatus();
}

absl::Status QuantizationAlgorithm::initialize(data::DataLoader& data_loader) {
  if (exported_.has_value()) {
    return absl::FailedPreconditionError("the model was prepared for export: its quantizers are fixed");
  }
  loader_ = &data_loader;
  PARE_RETURN_IF_ERROR(take_ranges());
  return adapt();
}

CompressionScheduler& QuantizationAlgorithm::scheduler() {
  return staged_ != nullptr ? *staged_ : CompressionAlgorithm::scheduler();
}

CompressionStage QuantizationAlgorithm::stage() const {
  const bool weights = staged_ == nullptr || staged_->weights_are_quantized();
  const bool activations = staged_ == nullptr || staged_->activations_are_quantized();
  if (weights && activations) return CompressionStage::kFullyCompressed;
  return weights || activations ? CompressionStage::kPartiallyCompressed : CompressionStage::kUncompressed;
}

Statistics QuantizationAlgorithm::statistics() const {
  if (exported_.has_value()) return *exported_;
  Statistics statistics = quantization_statistics(model()->graph(), quantizers_);
  statistics.merge(CompressionAlgorithm::statistics());
  if (adaptation_.has_value()) {
    Statistics& adaptation = statistics.child("batch_norm_adaptation");
    adaptation.set("outcome", to_string(adaptation_->outcome));
    adaptation.set("batch_norms", adaptation_->num_batch_norms);
    adaptation.set("samples", adaptation_->num_samples);
    adaptation.set("held_out_samples", adaptation_->num_held_out);
    adaptation.set("error_before", adaptation_->error_before);
    adaptation.set("error_after", adaptation_->error_after);
  }
  return statistics;
}

absl::Status QuantizationAlgorithm::prepare_for_export() {
  if (exported_.has_value()) return absl::OkStatus();
  Statistics statistics = this->statistics();
  PARE_RETURN_IF_ERROR(lower_quantizers(model()->graph(), quantizers_));
  set_own_parameters({});
  exported_ = std::move(statistics);
  return fold_batch_norms(model()->graph()).status();
}

}  // namespace pare::quantization
