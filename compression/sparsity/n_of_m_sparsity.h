// compression/sparsity/n_of_m_sparsity.h: the method "n_of_m_sparsity": of each M weights that follow each other along
// the input channels the N of greatest magnitude stay, as hardware with structured sparsity (2:4) takes them.
//
//   {"algorithm": "n_of_m_sparsity", "params": {"n": 2, "m": 4, "start_epoch": 0, "freeze_epoch": 5}}
//
// (Mishra et al. 2021, arXiv:2104.08378: prune by magnitude, then train on.) The masks are taken when `start_epoch`
// epochs have ended, anew after each epoch from then on, and stay as they are from `freeze_epoch` on. Convolutions and
// linear layers in the scopes that have at least M input channels (in a group); others cannot hold the pattern and are
// left alone.
//
// Keys, in params: n (2), m (4), 1 <= n <= m <= 32; start_epoch (0); freeze_epoch (start_epoch: taken once), not before
// start_epoch.

#ifndef PARE_COMPRESSION_SPARSITY_N_OF_M_SPARSITY_H_
#define PARE_COMPRESSION_SPARSITY_N_OF_M_SPARSITY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "compression/sparsity/masked_layers.h"

namespace pare::sparsity {

class NOfMSparsity : public CompressionAlgorithm {
 public:
  static absl::StatusOr<std::unique_ptr<NOfMSparsity>> create(std::shared_ptr<graph::Model> model,
                                                              const AlgorithmConfig& config,
                                                              const InputSize& input_size);
  ~NOfMSparsity() override;

  CompressionScheduler& scheduler() override;
  CompressionStage stage() const override;
  // "n", "m", and sparsity_statistics.h's.
  Statistics statistics() const override;
  ExportPhase export_phase() const override { return ExportPhase::kWeights; }
  absl::Status prepare_for_export() override;

  const std::vector<MaskedLayer>& layers() const { return layers_; }

 private:
  class Schedule;
  struct Settings {
    int64_t n = 2, m = 4, start_epoch = 0, freeze_epoch = 0;
  };

  NOfMSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
               Settings settings, std::vector<MaskedLayer> layers);
  void take_masks();

  Settings settings_;
  std::vector<MaskedLayer> layers_;
  std::unique_ptr<Schedule> schedule_;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_N_OF_M_SPARSITY_H_
