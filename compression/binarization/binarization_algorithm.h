// compression/binarization/binarization_algorithm.h: the method "binarization": convolutions of one bit.
//
//   {"algorithm": "binarization", "mode": "xnor", "ignored_scopes": ["conv1", "layer3.2.conv2"],
//    "params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2}}
//
//   weights      sign(w) * mean |w| per output channel (xnor, XNOR-Net, arXiv:1603.05279), or of all (dorefa,
//                DoReFa-Net, arXiv:1606.06160)
//   activations  scale * [x > scale * threshold], a learned scale for each convolution's input and a learned threshold
//                for each of its channels: "<convolution>.activation_binarizer.scale" and ".threshold"
// Only convolutions in the scopes; the first and the last layer of a network are best left out by ignored_scopes. With
// "params" the staged schedule (schedulers/staged_scheduler.h) turns activations and weights on one after the other;
// without it all is on from the start. initialize() takes each scale from data: the value that one in a thousand
// activations of the samples exceeds; thresholds start at 0.
//
// Keys: mode (xnor | dorefa), params, initializer: {"range": {"num_init_samples": 256}}.

#ifndef PARE_COMPRESSION_BINARIZATION_BINARIZATION_ALGORITHM_H_
#define PARE_COMPRESSION_BINARIZATION_BINARIZATION_ALGORITHM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/analysis/weighted_layers.h"
#include "compression/binarization/binarizers.h"
#include "schedulers/staged_scheduler.h"

namespace pare::binarization {

class BinarizationAlgorithm : public CompressionAlgorithm {
 public:
  struct Layer {
    WeightedLayer layer;
    std::shared_ptr<WeightBinarizer> weights;
    // One for each convolution that uses the weight.
    std::vector<std::shared_ptr<ActivationBinarizer>> activations;
    std::vector<graph::Node*> activation_hooks;
    graph::Node* weight_hook = nullptr;
    int64_t macs = 0;  // multiplications of one sample
  };

  static absl::StatusOr<std::unique_ptr<BinarizationAlgorithm>> create(std::shared_ptr<graph::Model> model,
                                                                       const AlgorithmConfig& config,
                                                                       const InputSize& input_size);

  absl::Status distributed(const std::shared_ptr<ProcessGroup>& process_group) override;
  // FailedPrecondition after prepare_for_export(); else the loader's and the model's errors.
  absl::Status initialize(data::DataLoader& data_loader) override;
  CompressionScheduler& scheduler() override;
  CompressionStage stage() const override;
  // "binary_macs_percent" of all multiplications of convolutions and matrix products, "weights_binarized",
  // "activations_binarized", and a table "layers": name, MACs, share of the model's.
  Statistics statistics() const override;
  // Weights become their two values; activations become aten::gt and aten::mul. What is off is taken out.
  absl::Status prepare_for_export() override;

  const std::vector<Layer>& layers() const { return layers_; }

 private:
  using CompressionAlgorithm::CompressionAlgorithm;

  absl::Status add_layer(WeightedLayer layer, WeightRule rule);
  absl::Status count_macs();
  void set_enabled(bool weights, bool activations);

  std::vector<Layer> layers_;
  std::unique_ptr<StagedScheduler> staged_;
  std::shared_ptr<ProcessGroup> process_group_;
  int64_t num_init_samples_ = 256;
  int64_t model_macs_ = 0;
  bool is_lowered_ = false;
};

}  // namespace pare::binarization

#endif  // PARE_COMPRESSION_BINARIZATION_BINARIZATION_ALGORITHM_H_
