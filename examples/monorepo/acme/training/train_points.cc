#include "acme/training/train_points.h"

#include <ATen/Context.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/modules/linear.h>

#include <utility>
#include <vector>

#include "acme/training/points.h"
#include "base/status_macros.h"
#include "compression/create.h"
#include "export/torchscript_export.h"
#include "graph/exporters.h"
#include "graph/import.h"

namespace acme {
namespace {

struct Network : torch::nn::Module {
  Network()
      : first(register_module("first", torch::nn::Linear(2, 24))),
        last(register_module("last", torch::nn::Linear(24, 2))) {}
  at::Tensor forward(const at::Tensor& x) { return last->forward(at::relu(first->forward(x))); }
  torch::nn::Linear first, last;
};

}  // namespace

absl::StatusOr<TrainedPoints> train_points(const pare::CompressionConfig& config, const TrainPointsOptions& options) {
  at::manual_seed(0);
  Network network;
  PARE_ASSIGN_OR_RETURN(std::shared_ptr<pare::graph::Model> model,
                        pare::graph::import_module(
                            network, [&](const std::vector<at::Tensor>& inputs) { return network.forward(inputs[0]); },
                            {at::zeros({1, 2})}));

  Points train_data(/*num_batches=*/30, /*seed=*/1), test_data(/*num_batches=*/10, /*seed=*/2);
  PARE_ASSIGN_OR_RETURN(auto compression, pare::create_compressed_model(model, config, {.data_loader = &train_data}));

  pare::training::TrainOptions train_options;
  train_options.epochs = options.epochs;
  train_options.optimizer.kind = pare::training::OptimizerKind::kAdam;
  train_options.learning_rate.base = 0.02;
  pare::training::Trainer trainer(*compression, train_data, &test_data, train_options);
  TrainedPoints trained;
  PARE_ASSIGN_OR_RETURN(trained.result, trainer.run());

  pare::graph::register_exporter(".pt", pare::exporters::export_torchscript);
  PARE_RETURN_IF_ERROR(compression->export_model(options.output));
  trained.model = compression->model();
  return trained;
}

}  // namespace acme
