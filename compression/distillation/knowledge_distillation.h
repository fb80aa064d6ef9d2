// compression/distillation/knowledge_distillation.h: the method "knowledge_distillation": the uncompressed network
// teaches the compressed one.
//
//   {"compression": [{"algorithm": "quantization", "weights": {"bits": 4}},
//                    {"algorithm": "knowledge_distillation", "type": "softmax", "temperature": 3, "scale": 2}]}
//
// Adds a loss (distillation_loss.h) to the task's. The teacher is the model as it is when the method is made, without
// the transforms of methods that stand before it in the config: a copy with its own weights, run in evaluation mode.
// One output tensor is expected. Another network teaches where a program gives it: create() with a teacher. A
// checkpoint keeps the teacher's weights, so that a training that is resumed has the same one.
//
// Keys: type (softmax | mse), scale (1), temperature (1, above 0; of softmax alone).

#ifndef PARE_COMPRESSION_DISTILLATION_KNOWLEDGE_DISTILLATION_H_
#define PARE_COMPRESSION_DISTILLATION_KNOWLEDGE_DISTILLATION_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/distillation/distillation_loss.h"

namespace pare::distillation {

class KnowledgeDistillation : public CompressionAlgorithm {
 public:
  static absl::StatusOr<std::unique_ptr<KnowledgeDistillation>> create(std::shared_ptr<graph::Model> model,
                                                                       const AlgorithmConfig& config,
                                                                       const InputSize& input_size);
  // Takes the teacher's inputs and outputs to be the model's.
  static absl::StatusOr<std::unique_ptr<KnowledgeDistillation>> create(std::shared_ptr<graph::Model> model,
                                                                       const AlgorithmConfig& config,
                                                                       const InputSize& input_size,
                                                                       std::unique_ptr<graph::Model> teacher);

  CompressionLoss& loss() override { return *loss_; }
  Statistics statistics() const override;  // "teacher_parameters", and the loss's
  // The base's and "last_loss".
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;
  // The teacher's parameters and buffers, by their names. InvalidArgument for those of another network.
  StateTensors state_tensors() const override;
  absl::Status set_state_tensors(const StateTensors& tensors) override;
  ExportPhase export_phase() const override { return ExportPhase::kWeights; }
  // Takes the probe out.
  absl::Status prepare_for_export() override;

 private:
  using CompressionAlgorithm::CompressionAlgorithm;

  std::unique_ptr<DistillationLoss> loss_;
  graph::Node* probe_ = nullptr;
};

}  // namespace pare::distillation

#endif  // PARE_COMPRESSION_DISTILLATION_KNOWLEDGE_DISTILLATION_H_
