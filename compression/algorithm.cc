#include "compression/algorithm.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "graph/exporters.h"

namespace pare {

std::string to_string(CompressionStage stage) {
  switch (stage) {
    case CompressionStage::kUncompressed:
      return "UNCOMPRESSED";
    case CompressionStage::kPartiallyCompressed:
      return "PARTIALLY_COMPRESSED";
    case CompressionStage::kFullyCompressed:
      return "FULLY_COMPRESSED";
  }
  return absl::StrCat("CompressionStage(", static_cast<int>(stage), ")");
}

CompressionAlgorithm::CompressionAlgorithm(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config,
                                           InputSize input_size)
    : model_(std::move(model)),
      config_(config),
      input_size_(std::move(input_size)),
      default_loss_(std::make_unique<CompressionLoss>()),
      default_scheduler_(std::make_unique<CompressionScheduler>()) {}

CompressionAlgorithm::~CompressionAlgorithm() = default;

CompressionLoss& CompressionAlgorithm::loss() { return *default_loss_; }

CompressionScheduler& CompressionAlgorithm::scheduler() { return *default_scheduler_; }

absl::Status CompressionAlgorithm::distributed(const std::shared_ptr<ProcessGroup>&) { return absl::OkStatus(); }

absl::Status CompressionAlgorithm::initialize(data::DataLoader&) { return absl::OkStatus(); }

void CompressionAlgorithm::set_data_loader(data::DataLoader*) {}

CompressionStage CompressionAlgorithm::stage() const { return CompressionStage::kFullyCompressed; }

Statistics CompressionAlgorithm::statistics() const {
  // loss() and scheduler() are not const because their callers change what they get; here they are only read.
  auto& self = const_cast<CompressionAlgorithm&>(*this);
  Statistics statistics;
  if (Statistics loss = self.loss().statistics(); !loss.empty()) statistics.child("loss") = std::move(loss);
  if (Statistics scheduler = self.scheduler().statistics(); !scheduler.empty()) {
    statistics.child("scheduler") = std::move(scheduler);
  }
  return statistics;
}

absl::StatusOr<double> CompressionAlgorithm::compression_rate() const {
  return absl::FailedPreconditionError(absl::StrCat(
      config_.path, ": the method \"", config_.name,
      "\" has no compression rate to raise and lower; magnitude_sparsity, rb_sparsity and filter_pruning have one"));
}

absl::Status CompressionAlgorithm::set_compression_rate(double) { return compression_rate().status(); }

std::vector<Picture> CompressionAlgorithm::pictures() const { return {}; }

absl::Status CompressionAlgorithm::prepare_for_export() { return absl::OkStatus(); }

absl::Status CompressionAlgorithm::export_model(const std::string& path) {
  PARE_RETURN_IF_ERROR(graph::find_exporter(path).status());
  model_->eval();
  PARE_RETURN_IF_ERROR(prepare_for_export());
  return graph::write_model(*model_, input_size_, path);
}

nlohmann::json CompressionAlgorithm::state() const {
  return {{"scheduler", const_cast<CompressionAlgorithm&>(*this).scheduler().state()}};
}

absl::Status CompressionAlgorithm::set_state(const nlohmann::json& state) {
  if (!state.is_object() || !state.contains("scheduler")) {
    return absl::InvalidArgumentError(absl::StrCat("the state of the method \"", config_.name,
                                                   "\": expected an object with the key \"scheduler\"; the checkpoint "
                                                   "is damaged or of another method"));
  }
  return scheduler().set_state(state["scheduler"]);
}

absl::Status CompressionAlgorithm::prepare_for_state(const nlohmann::json&) { return absl::OkStatus(); }

CompressionAlgorithm::StateTensors CompressionAlgorithm::state_tensors() const { return {}; }

absl::Status CompressionAlgorithm::set_state_tensors(const StateTensors& tensors) {
  if (tensors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the state of the method \"", config_.name, "\": it has no tensor ",
                                                 tensors.begin()->first, "; the checkpoint is of another method"));
}

void CompressionAlgorithm::scale_gradients() {
  const double multiplier = config_.compression_lr_multiplier;
  if (multiplier == 1.0) return;
  for (graph::Value* parameter : own_parameters_) {
    const at::Tensor& tensor = parameter->tensor();
    if (!tensor.defined() || !tensor.requires_grad()) continue;
    // By identity, weakly: a tensor that is gone may leave its address to a new one, which has no hook.
    const auto is_this = [&](const auto& hooked) {
      return !hooked.expired() && hooked._unsafe_get_target() == tensor.unsafeGetTensorImpl();
    };
    if (std::any_of(hooked_tensors_.begin(), hooked_tensors_.end(), is_this)) continue;
    std::erase_if(hooked_tensors_, [](const auto& hooked) { return hooked.expired(); });
    hooked_tensors_.emplace_back(tensor.getIntrusivePtr());
    tensor.register_hook([multiplier](const at::Tensor& gradient) { return gradient.mul(multiplier); });
  }
}

}  // namespace pare
