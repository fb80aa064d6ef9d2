#include "compression/quantization/quantization_algorithm.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/weight_conflicts.h"
#include "compression/quantization/batch_norm_folding.h"
#include "compression/quantization/bias_rounding.h"
#include "compression/quantization/channel_counts.h"
#include "compression/quantization/lowering.h"
#include "compression/quantization/placement.h"
#include "compression/quantization/quantization_statistics.h"
#include "compression/quantization/range_initializer.h"
#include "compression/quantization/tie_free_scales.h"
#include "data/data_loader.h"

namespace pare::quantization {

namespace {

constexpr char kPrecision[] = "precision";
constexpr char kAdaptation[] = "batch_norm_adaptation";

}  // namespace

absl::StatusOr<std::unique_ptr<QuantizationAlgorithm>> QuantizationAlgorithm::create(
    std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size) {
  PARE_ASSIGN_OR_RETURN(QuantizationConfig settings, QuantizationConfig::parse(config));
  graph::Graph& graph = model->graph();
  PARE_RETURN_IF_ERROR(settings.check_scopes(graph));
  PARE_ASSIGN_OR_RETURN(const QuantizerSetup setup, place_quantizers(graph, settings.placement));
  for (const QuantizationPoint& point : setup.points) {
    if (point.is_weight) PARE_RETURN_IF_ERROR(check_weight_is_free(*point.value, WeightUse::kQuantizes, config));
  }
  PARE_ASSIGN_OR_RETURN(std::vector<InsertedQuantizer> quantizers,
                        insert_quantizers(graph, setup, {.gradient = settings.gradient}));
  for (const InsertedQuantizer& inserted : quantizers) {
    inserted.quantizer->set_bits_may_change(settings.precision.has_value());
    inserted.quantizer->set_owner(absl::StrCat(config.name, " at ", config.path));
  }
  for (const std::string& note : settings.notes) log_warning(note);
  PARE_RETURN_IF_ERROR(initialize_weight_ranges(quantizers, settings.ranges));
  PARE_RETURN_IF_ERROR(count_channels(*model, quantizers, input_size));
  std::unique_ptr<QuantizationAlgorithm> method(
      new QuantizationAlgorithm(std::move(model), config, input_size, std::move(settings), std::move(quantizers)));
  const std::optional<PrecisionSettings>& precision = method->settings_.precision;
  if (precision.has_value() && precision->kind == PrecisionSettings::Kind::kManual) {
    PARE_RETURN_IF_ERROR(method->choose_precision(nullptr));
  }
  return method;
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
        if (loader_ == nullptr) return;  // Nothing to take ranges from: those of the checkpoint stay.
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

absl::Status QuantizationAlgorithm::choose_precision(data::DataLoader* loader) {
  PARE_ASSIGN_OR_RETURN(precision_, initialize_precision(*model(), quantizers_, *settings_.precision, loader,
                                                         input_size(), process_group_.get()));
  return absl::OkStatus();
}

std::vector<Picture> QuantizationAlgorithm::pictures() const {
  if (!precision_.has_value()) return {};
  return {{"precision", precision_svg(*precision_)}};
}

absl::Status QuantizationAlgorithm::take_ranges() {
  return initialize_ranges(*model(), quantizers_, settings_.ranges, *loader_, process_group_.get());
}

absl::Status QuantizationAlgorithm::adapt() {
  const bool any_on = std::any_of(quantizers_.begin(), quantizers_.end(),
                                  [](const InsertedQuantizer& inserted) { return inserted.quantizer->is_active(); });
  if (!any_on) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(adaptation_, adapt_batch_norms(*model(), quantizers_, *loader_,
                                                       settings_.num_bn_adaptation_samples, process_group_.get()));
  return absl::OkStatus();
}

absl::Status QuantizationAlgorithm::initialize(data::DataLoader& data_loader) {
  if (lowered_.has_value()) {
    return absl::FailedPreconditionError("the model was prepared for export: its quantizers are fixed");
  }
  loader_ = &data_loader;
  if (settings_.precision.has_value() && settings_.precision->kind == PrecisionSettings::Kind::kHawq) {
    PARE_RETURN_IF_ERROR(choose_precision(&data_loader));
  }
  PARE_RETURN_IF_ERROR(take_ranges());
  return adapt();
}

void QuantizationAlgorithm::set_data_loader(data::DataLoader* data_loader) { loader_ = data_loader; }

absl::Status QuantizationAlgorithm::distributed(const std::shared_ptr<ProcessGroup>& process_group) {
  process_group_ = process_group;
  return absl::OkStatus();
}

CompressionScheduler& QuantizationAlgorithm::scheduler() {
  return staged_ != nullptr ? *staged_ : CompressionAlgorithm::scheduler();
}

CompressionStage QuantizationAlgorithm::stage() const {
  bool weights = staged_ == nullptr || staged_->weights_are_quantized();
  bool activations = staged_ == nullptr || staged_->activations_are_quantized();
  for (const InsertedQuantizer& inserted : quantizers_) {
    // One without a range hands its values through.
    if (!inserted.quantizer->has_range()) (inserted.quantizer->is_weight() ? weights : activations) = false;
  }
  if (weights && activations) return CompressionStage::kFullyCompressed;
  return weights || activations ? CompressionStage::kPartiallyCompressed : CompressionStage::kUncompressed;
}

Statistics QuantizationAlgorithm::statistics() const {
  if (lowered_.has_value()) return *lowered_;
  Statistics statistics = quantization_statistics(model()->graph(), quantizers_);
  statistics.merge(CompressionAlgorithm::statistics());
  if (precision_.has_value()) statistics.child("precision") = precision_statistics(*precision_);
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

nlohmann::json QuantizationAlgorithm::state() const {
  nlohmann::json state = CompressionAlgorithm::state();
  if (precision_.has_value()) state[kPrecision] = *precision_;
  if (adaptation_.has_value()) state[kAdaptation] = *adaptation_;
  return state;
}

absl::Status QuantizationAlgorithm::set_state(const nlohmann::json& state) {
  PARE_RETURN_IF_ERROR(CompressionAlgorithm::set_state(state));
  return guard_torch(absl::StrCat("the state of the method \"", config().name, "\""), [&] {
    precision_.reset();
    adaptation_.reset();
    if (state.contains(kPrecision)) precision_ = state[kPrecision].get<PrecisionOutcome>();
    if (state.contains(kAdaptation)) adaptation_ = state[kAdaptation].get<BatchNormAdaptation>();
  });
}

absl::Status QuantizationAlgorithm::prepare_for_export() {
  if (!lowered_.has_value()) {
    Statistics statistics = this->statistics();
    PARE_RETURN_IF_ERROR(lower_quantizers(model()->graph(), quantizers_));
    set_own_parameters({});
    lowered_ = std::move(statistics);
  }
  // Each time: what has been folded is gone, and what could not be is tried, and refused, again.
  PARE_RETURN_IF_ERROR(make_scales_tie_free(model()->graph()).status());
  PARE_RETURN_IF_ERROR(fold_batch_norms(model()->graph()).status());
  return round_biases(model()->graph()).status();
}

}  // namespace pare::quantization
