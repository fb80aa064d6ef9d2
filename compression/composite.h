// compression/composite.h: several methods on one model, which is itself a method.
//
// Losses are summed, schedulers called one after the other, statistics merged (each method's under its name), stages
// combined: the common one, else PARTIALLY_COMPRESSED. The compression rate is that of the one method that has one. A
// second method of the same name goes by "<name>_1", and so on.

#ifndef PARE_COMPRESSION_COMPOSITE_H_
#define PARE_COMPRESSION_COMPOSITE_H_

#include <memory>
#include <string>
#include <vector>

#include "compression/algorithm.h"

namespace pare {

class CompositeAlgorithm : public CompressionAlgorithm {
 public:
  // All on the same model. initialize() and distributed() go through them in order, export by their phases and then in
  // order; they stop at the first error. Factors on learning rate and weight decay are multiplied. Without children it
  // is a method on no model: create_compressed_model() never makes one.
  explicit CompositeAlgorithm(std::vector<std::unique_ptr<CompressionAlgorithm>> children);
  ~CompositeAlgorithm() override;

  const std::vector<std::unique_ptr<CompressionAlgorithm>>& children() const { return children_; }

  CompressionLoss& loss() override;
  CompressionScheduler& scheduler() override;
  absl::Status distributed(const std::shared_ptr<ProcessGroup>& process_group) override;
  absl::Status initialize(data::DataLoader& data_loader) override;
  void set_data_loader(data::DataLoader* data_loader) override;
  CompressionStage stage() const override;
  Statistics statistics() const override;
  // FailedPrecondition, with the methods' names, if not exactly one of them has a rate.
  absl::StatusOr<double> compression_rate() const override;
  absl::Status set_compression_rate(double rate) override;
  std::vector<Picture> pictures() const override;  // named "<method>_<picture>"
  absl::Status prepare_for_export() override;
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;
  absl::Status prepare_for_state(const nlohmann::json& state) override;
  StateTensors state_tensors() const override;  // named "<method>/<tensor>"
  absl::Status set_state_tensors(const StateTensors& tensors) override;
  void scale_gradients() override;

 private:
  std::vector<std::string> names() const;  // of the children, made unique
  absl::Status check_state(const nlohmann::json& state) const;
  absl::StatusOr<CompressionAlgorithm*> child_with_rate() const;

  std::vector<std::unique_ptr<CompressionAlgorithm>> children_;
  std::unique_ptr<CompressionLoss> loss_;
  std::unique_ptr<CompressionScheduler> scheduler_;
};

}  // namespace pare

#endif  // PARE_COMPRESSION_COMPOSITE_H_
