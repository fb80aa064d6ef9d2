// compression/algorithm.h: a compression method: the class to derive from to write one.
//
//   class Rounding : public CompressionAlgorithm {
//    public:
//     Rounding(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size)
//         : CompressionAlgorithm(std::move(model), config, input_size) { ... insert hooks into this->model()->graph()
//         ... }
//   };
//   PARE_REGISTER_ALGORITHM("rounding", Rounding);
//
// A method is three logical parts: the algorithm, its loss and its scheduler; it brings those that it needs, and gets a
// loss of zero and a schedule that changes nothing for the others. Order of calls:
//
//   constructor                    rewrites the graph: hooks, masks, quantizers
//   distributed(process_group)     only when several processes train: before initialize()
//   initialize(data_loader)        configures itself from data, before training; not when a checkpoint is resumed:
//   set_data_loader(data_loader)   instead of it; the checkpoint's state comes by prepare_for_state(), then the model's
//                                  tensors, then set_state_tensors() and set_state()
//   per iteration                  model forward, task loss + loss().forward(), backward, optimizer, scheduler().step()
//   per epoch                      scheduler().epoch_step(), statistics()
//   export_model(path)             removes or folds what only training needs, then writes the file
//
// A constructor cannot return a status; a method whose construction can fail has, beside or instead of a public one,
//   static absl::StatusOr<std::unique_ptr<Self>> create(std::shared_ptr<graph::Model>, const AlgorithmConfig&, const
//   InputSize&);
// which the registry prefers.

#ifndef PARE_COMPRESSION_ALGORITHM_H_
#define PARE_COMPRESSION_ALGORITHM_H_

#include <c10/core/TensorImpl.h>
#include <c10/core/UndefinedTensorImpl.h>
#include <c10/util/intrusive_ptr.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/compression_config.h"
#include "distributed/process_group.h"
#include "graph/model.h"
#include "losses/compression_loss.h"
#include "nlohmann/json.hpp"
#include "schedulers/compression_scheduler.h"
#include "statistics/statistics.h"

namespace pare::data {
class DataLoader;
}

namespace pare {

// The shape of each of the model's inputs, batch first.
using InputSize = std::vector<std::vector<int64_t>>;

// How far a method has come.
enum class CompressionStage { kUncompressed, kPartiallyCompressed, kFullyCompressed };
std::string to_string(CompressionStage stage);  // "UNCOMPRESSED", "PARTIALLY_COMPRESSED", "FULLY_COMPRESSED"

struct Picture {
  std::string name;  // of a file, without its ending
  std::string svg;
};

// What a method does to the graph in prepare_for_export(). A composite calls its methods in this order, whatever the
// config's: what is fixed in weights first, so that the later ones, which turn into operators what is computed from
// weights, find parameters.
enum class ExportPhase {
  kWeights,    // writes into weights: masks become zeros
  kStructure,  // takes parts of the network out
  kOperators,  // replaces transforms by operators
};

class CompressionAlgorithm {
 public:
  CompressionAlgorithm(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, InputSize input_size);
  virtual ~CompressionAlgorithm();
  CompressionAlgorithm(const CompressionAlgorithm&) = delete;
  CompressionAlgorithm& operator=(const CompressionAlgorithm&) = delete;

  // The compressed model, the same throughout.
  const std::shared_ptr<graph::Model>& model() const { return model_; }
  const AlgorithmConfig& config() const { return config_; }
  const InputSize& input_size() const { return input_size_; }

  virtual CompressionLoss& loss();
  virtual CompressionScheduler& scheduler();

  // The defaults do nothing, and say FULLY_COMPRESSED: a method without a schedule is all there from the start.
  // distributed(): from now on all processes of the group call the same, each with its part of the data
  // (data/shard.h). What a method learns from data it then exchanges, so that it is what one process would learn from
  // all of it; a method that looks at the model alone has nothing to do, as the trainer keeps weights the same.
  virtual absl::Status distributed(const std::shared_ptr<ProcessGroup>& process_group);
  virtual absl::Status initialize(data::DataLoader& data_loader);
  // Gives the data that a method draws from in the course of training (the staged schedule of quantization takes ranges
  // anew at each switch), without configuring anything now: what a resumed training calls in place of initialize(),
  // which includes it. The loader must outlive training, or be taken back before it goes, with nullptr.
  virtual void set_data_loader(data::DataLoader* data_loader);
  virtual CompressionStage stage() const;
  // The default: the scheduler's statistics and the loss's, as children "scheduler" and "loss" where they have any.
  virtual Statistics statistics() const;

  // How far the method compresses, in [0, 1): the level of its schedule, such as the share of the weights that are
  // zero. Accuracy-aware training (training/accuracy_aware.h) raises and lowers it: set_compression_rate() takes the
  // method there at once, and holds it there, whatever its schedule, until it is called again or a state is set that is
  // not held. The defaults are for methods that have no such number (FailedPrecondition, which says so). Other errors:
  // InvalidArgument for a rate outside [0, 1); OutOfRange for one that this model cannot reach: nothing has changed.
  virtual absl::StatusOr<double> compression_rate() const;
  virtual absl::Status set_compression_rate(double rate);

  // What is better seen than read; the default has none.
  virtual std::vector<Picture> pictures() const;

  virtual ExportPhase export_phase() const { return ExportPhase::kOperators; }
  // Prepares the graph for export in place: auxiliary nodes removed or folded. Called by export_model(); after it the
  // model computes the same in evaluation mode, and is not to be trained further.
  virtual absl::Status prepare_for_export();
  // prepare_for_export(), then the file: by the ending of `path` ".onnx" or ".pt" (TorchScript), or what else
  // graph/exporters.h knows. An ending that no one knows is refused before the graph is touched.
  absl::Status export_model(const std::string& path);

  // What a checkpoint keeps beside the model's state: the default keeps the scheduler's, under "scheduler".
  virtual nlohmann::json state() const;
  virtual absl::Status set_state(const nlohmann::json& state);
  // Brings the graph into the shape that it has in that state, where a method changes it in the course of training
  // (filters that are cut out): called before the model's tensors are set. The default does nothing.
  virtual absl::Status prepare_for_state(const nlohmann::json& state);
  // Tensors that decide the training and are not the model's, by name: a teacher's weights. The default has none, and
  // refuses any; set_state_tensors() is called before set_state().
  using StateTensors = std::map<std::string, at::Tensor>;
  virtual StateTensors state_tensors() const;
  virtual absl::Status set_state_tensors(const StateTensors& tensors);

  // What create_compressed_model() has made the method from, for checkpoints: CompressionConfig::source. null: nothing.
  const nlohmann::json& source_config() const { return source_config_; }
  void set_source_config(nlohmann::json source) { source_config_ = std::move(source); }

  // The parameters that the method has added to the graph: create_compressed_model() finds them and hands them over.
  void set_own_parameters(std::vector<graph::Value*> parameters) { own_parameters_ = std::move(parameters); }
  const std::vector<graph::Value*>& own_parameters() const { return own_parameters_; }
  // From now on, backward() multiplies the gradients of the own parameters by config().compression_lr_multiplier.
  // create_compressed_model() calls it; call it again after a state has been loaded, which may replace tensors. A
  // tensor that is hooked already stays as it is.
  virtual void scale_gradients();

 private:
  std::shared_ptr<graph::Model> model_;
  AlgorithmConfig config_;
  InputSize input_size_;
  nlohmann::json source_config_;
  std::unique_ptr<CompressionLoss> default_loss_;
  std::unique_ptr<CompressionScheduler> default_scheduler_;
  std::vector<graph::Value*> own_parameters_;
  std::vector<c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>> hooked_tensors_;
};

}  // namespace pare

#endif  // PARE_COMPRESSION_ALGORITHM_H_
