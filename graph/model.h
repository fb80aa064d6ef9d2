// graph/model.h: a graph that runs: the model that is compressed, trained and exported.
//
//   PARE_ASSIGN_OR_RETURN(std::shared_ptr<graph::Model> model, graph::import_torchscript("resnet20.pt", {}));
//   model->eval();
//   PARE_ASSIGN_OR_RETURN(at::Tensor logits, model->forward_tensor({images}));
//
// forward() compiles the graph into a flat program of instructions over slots (again when the graph has changed); an
// operator is called through LibTorch's dispatcher, so its autograd and its kernels on every device work, and a slot is
// released after its last use. Wrap it in at::NoGradGuard for inference.
//
// A model is not thread-safe: one forward at a time.

#ifndef PARE_GRAPH_MODEL_H_
#define PARE_GRAPH_MODEL_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::graph {

class Program;

class Model {
 public:
  explicit Model(std::unique_ptr<Graph> graph);
  ~Model();

  Graph& graph() { return *graph_; }
  const Graph& graph() const { return *graph_; }

  // ---- Running
  // ------------------------------------------------------------------------------------------------------- One IValue
  // for each input of the graph. Errors: InvalidArgument with the name of the node that failed and LibTorch's message
  // (a wrong shape, dtype or device), or with the input whose size is not the one that import decided by (see
  // Graph::size_checks()); ResourceExhausted.
  absl::StatusOr<c10::IValue> forward(std::vector<c10::IValue> inputs);
  // For models whose output is one tensor; of a tuple or list (GoogLeNet's training outputs) it is the first tensor.
  absl::StatusOr<at::Tensor> forward_tensor(const std::vector<at::Tensor>& inputs);

  // The dtype of each input: what the last forward() was given. Empty before the first one, and when an input was no
  // tensor: not known. Exports write it down; set it where no forward() tells, as for a model that is only converted.
  const std::vector<c10::ScalarType>& input_dtypes() const { return input_dtypes_; }
  void set_input_dtypes(std::vector<c10::ScalarType> dtypes) { input_dtypes_ = std::move(dtypes); }

  // Called with each node's outputs after it has run, until set to nullptr: for calibration, shapes, debugging. Slows
  // forward() down only while set.
  using Observer = std::function<void(const Node& node, at::ArrayRef<c10::IValue> outputs)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }
  const Observer& observer() const { return observer_; }

  // ---- Mode, device, dtype
  // -------------------------------------------------------------------------------------------
  void train(bool training = true) { training_ = training; }
  void eval() { training_ = false; }
  bool is_training() const { return training_; }

  // Moves parameters, buffers and tensor constants (floating point ones also to the dtype). In place where LibTorch can
  // do so: an optimizer made before stays valid.
  absl::Status to(std::optional<c10::Device> device, std::optional<c10::ScalarType> dtype = std::nullopt);

  // ---- Parameters and state
  // ------------------------------------------------------------------------------------------
  std::vector<std::pair<std::string, at::Tensor>> named_parameters() const;
  std::vector<std::pair<std::string, at::Tensor>> named_buffers() const;
  std::vector<at::Tensor> parameters() const;
  void zero_grad();

  // The names of parameters and buffers that hold a NaN or an infinity, and of the operators' constant tensors that
  // hold a NaN
  // ("<node>'s constant <argument>": the weights of a frozen model are such). One that cannot be looked at counts too.
  std::vector<std::string> non_finite_tensors() const;

 private:
  std::unique_ptr<Graph> graph_;
  std::unique_ptr<Program> program_;
  std::vector<c10::ScalarType> input_dtypes_;
  Observer observer_;
  bool training_ = false;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_MODEL_H_
