// compression/quantization/quantization_algorithm.h: the method "quantization": quantization-aware training and
// calibration after training.
//
//   PARE_ASSIGN_OR_RETURN(auto quantization, QuantizationAlgorithm::create(model, config, {{1, 3, 32, 32}}));
//   PARE_RETURN_IF_ERROR(quantization->initialize(calibration_loader));
//   ... train quantization->model(), or do not ...
//   PARE_RETURN_IF_ERROR(quantization->export_model("int8.onnx"));
//
// create() puts quantizers into the graph and takes weights' ranges from the weights. initialize() takes activations'
// ranges from data and adapts batch norms. Without "params" everything is quantized from the start; with it, the staged
// schedule (staged_scheduler.h) turns quantizers on later. The keys: quantization_config.h.

#ifndef PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_ALGORITHM_H_
#define PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_ALGORITHM_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/quantization/batch_norm_adaptation.h"
#include "compression/quantization/insertion.h"
#include "compression/quantization/precision_initializer.h"
#include "compression/quantization/quantization_config.h"
#include "schedulers/staged_scheduler.h"

namespace pare::quantization {

class QuantizationAlgorithm : public CompressionAlgorithm {
 public:
  // Errors: the config's, placement's (nothing can be quantized), a scope that matches nothing, a NaN in a weight. The
  // graph may then have been changed.
  static absl::StatusOr<std::unique_ptr<QuantizationAlgorithm>> create(std::shared_ptr<graph::Model> model,
                                                                       const AlgorithmConfig& config,
                                                                       const InputSize& input_size);

  // Takes the ranges of all quantizers anew, then adapts batch norms if anything is on. With the staged schedule the
  // loader must outlive training: each switch draws from it again; one that fails keeps the former ranges, and logs.
  absl::Status initialize(data::DataLoader& data_loader) override;
  // Where the switches to come draw from, and nothing else. Without a loader a switch keeps the ranges that there are.
  void set_data_loader(data::DataLoader* data_loader) override;

  // Ranges, the traces of HAWQ and the adaptation of batch norms come from the samples of all processes together: give
  // initialize() and set_data_loader() each one's part of them.
  absl::Status distributed(const std::shared_ptr<ProcessGroup>& process_group) override;

  CompressionScheduler& scheduler() override;
  // Quantizers that are off or have no range yet do not count: FULLY_COMPRESSED is when all work.
  CompressionStage stage() const override;
  // With mixed precision also "precision": the chosen bits, and the traces that chose them.
  Statistics statistics() const override;
  // The base's, and what initialize() has found, which statistics and pictures tell of: "precision",
  // "batch_norm_adaptation".
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;
  // With mixed precision: "precision".
  std::vector<Picture> pictures() const override;

  // Quantizers become ATen's fake-quantize operators, and batch norms fold into the convolutions before them. Then
  // scales around additions are freed of ties and biases rounded, as integer runtimes have them: outputs change by what
  // these roundings bring, and are those of the written file. Again is fine: the second call finds nothing to do, or
  // what the first could not fold.
  absl::Status prepare_for_export() override;

  const std::vector<InsertedQuantizer>& quantizers() const { return quantizers_; }
  // The staged schedule, or nullptr.
  const StagedScheduler* staged_scheduler() const { return staged_.get(); }
  const std::optional<BatchNormAdaptation>& batch_norm_adaptation() const { return adaptation_; }

 private:
  QuantizationAlgorithm(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
                        QuantizationConfig settings, std::vector<InsertedQuantizer> quantizers);

  void set_enabled(bool weights, bool activations);
  absl::Status choose_precision(data::DataLoader* loader);
  absl::Status take_ranges();
  absl::Status adapt();

  QuantizationConfig settings_;
  std::vector<InsertedQuantizer> quantizers_;
  std::unique_ptr<StagedScheduler> staged_;
  data::DataLoader* loader_ = nullptr;
  std::shared_ptr<ProcessGroup> process_group_;
  std::optional<PrecisionOutcome> precision_;
  std::optional<BatchNormAdaptation> adaptation_;
  // Once quantizers are operators: the statistics as they were before.
  std::optional<Statistics> lowered_;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_ALGORITHM_H_
