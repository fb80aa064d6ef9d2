// graph/import.h: brings a model in: from a TorchScript file, or from a C++ torch::nn::Module.
//
//   auto model = import_torchscript("resnet20.pt", {});                       // torch.jit.trace or torch.jit.script
//   auto model = import_module(*net, [&](const std::vector<at::Tensor>& inputs) { return net->forward(inputs[0]); },
//                              {at::zeros({1, 3, 32, 32})});
//
// What import does
//   - inlines submodules; each node keeps its module path, each parameter its name in the state dict;
//   - computes what is known at import (sizes of lists, loops over modules) and takes the branches that it decides; a
//     check that only raises is taken to hold; branches on `training` are taken as for inference, except that batch
//     norm and dropout keep a training flag that follows the model's mode;
//   - turns in-place operators into their functional form where that means the same (`relu_` -> `relu`);
//   - undoes the batch size that tracing baked into view, reshape, expand and the like, where it is certain that a
//     number is the batch (graph/batch_size.h): any batch size works. Give the shapes of the inputs to have it tested;
//   - makes parameters of the weights that freezing (torch.jit.freeze) turned into constants.
// A model whose branches or loops were decided by input_shapes refuses inputs of other shapes.
// A file is a program: nothing of it is executed while it is opened, and only operators of a list afterwards
// (graph/allowed_operators.h, docs/security.md).
// The imported model is in evaluation mode, on the CPU, and shares no tensors with anything but, for import_module, the
// module itself (training the one trains the other).
//
// Errors
//   NotFound, PermissionDenied      the file cannot be read
//   InvalidArgument                 not TorchScript, truncated, a C++ exception of LibTorch while reading
//   Unimplemented                   control flow that depends on the data; an operator that no one has
//                                   registered, or that a file may not name. The message names the source line and
//                                   says what to do (trace the model instead).

#ifndef PARE_GRAPH_IMPORT_H_
#define PARE_GRAPH_IMPORT_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/model.h"

namespace torch::nn {
class Module;
}
namespace torch::jit {
struct Module;
}

namespace pare::graph {

struct ImportOptions {
  // Shapes of the inputs, batch first, with any batch. They decide conditions that depend on shapes (scripted models;
  // empty: such a condition is an error that asks for them), and tell what of a trace is its batch. Dtypes of the
  // inputs follow input_dtypes, float32 where it is shorter.
  std::vector<std::vector<int64_t>> input_shapes;
  std::vector<c10::ScalarType> input_dtypes;
};

absl::StatusOr<std::shared_ptr<Model>> import_torchscript(const std::string& path, const ImportOptions& options);
absl::StatusOr<std::shared_ptr<Model>> import_torchscript(const torch::jit::Module& module,
                                                          const ImportOptions& options);

// Runs `forward` on the example inputs under LibTorch's tracer, in evaluation mode (the module's mode is restored). The
// batch is dimension 0 of every input; it is run with two batch sizes to find what depends on it, and with a third to
// check the result (with noise in the place of examples that are all zeros): a module that computes otherwise for
// another batch is Unimplemented. A node's scope is the module
// whose parameters it uses; without any, the innermost module around the layers before and after it.
absl::StatusOr<std::shared_ptr<Model>> import_module(
    torch::nn::Module& module, const std::function<at::Tensor(const std::vector<at::Tensor>&)>& forward,
    const std::vector<at::Tensor>& example_inputs);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_H_
