// compression/sparsity/const_sparsity.h: the method "const_sparsity": the zeros that a model comes with stay zero.
//
//   {"compression": [{"algorithm": "const_sparsity"}, {"algorithm": "quantization"}]}   // a sparse model, in INT8
//
// The mask is where a weight is not zero when the method is made; training does not move it. Convolutions, linear
// layers and embeddings in the scopes. No keys of its own.

#ifndef PARE_COMPRESSION_SPARSITY_CONST_SPARSITY_H_
#define PARE_COMPRESSION_SPARSITY_CONST_SPARSITY_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/sparsity/masked_layers.h"

namespace pare::sparsity {

class ConstSparsity : public CompressionAlgorithm {
 public:
  static absl::StatusOr<std::unique_ptr<ConstSparsity>> create(std::shared_ptr<graph::Model> model,
                                                               const AlgorithmConfig& config,
                                                               const InputSize& input_size);

  Statistics statistics() const override;  // sparsity_statistics.h's
  ExportPhase export_phase() const override { return ExportPhase::kWeights; }
  absl::Status prepare_for_export() override;

  const std::vector<MaskedLayer>& layers() const { return layers_; }

 private:
  using CompressionAlgorithm::CompressionAlgorithm;

  std::vector<MaskedLayer> layers_;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_CONST_SPARSITY_H_
