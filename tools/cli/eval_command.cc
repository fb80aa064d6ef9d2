#include "tools/cli/eval_command.h"

#include <memory>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "backends/registry.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "export/onnxruntime/onnxruntime_node.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"
#include "tools/common/open_model.h"
#include "tools/train/open_checkpoint.h"
#include "training/evaluate.h"
#include "training/progress.h"
#include "training/report.h"

namespace pare::tools {

namespace {

absl::StatusOr<training::EvaluationResult> evaluate_onnx(const std::string& path, data::DataLoader& loader,
                                                         const training::EvaluationProgress& progress) {
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<exporters::OnnxRuntimeNode> runtime,
                        exporters::OnnxRuntimeNode::start(path));
  return training::evaluate(
      [&runtime](const data::Batch& batch) -> absl::StatusOr<at::Tensor> {
        PARE_ASSIGN_OR_RETURN(std::vector<at::Tensor> outputs, runtime->run(batch.inputs));
        if (outputs.empty()) return absl::FailedPreconditionError("the model gave no output");
        return outputs[0];
      },
      loader, progress);
}

absl::StatusOr<CommandResult> run_eval(const std::vector<std::string>& arguments) {
  const std::string& name = arguments[0];
  const bool is_onnx = absl::EndsWithIgnoreCase(name, ".onnx");
  PARE_ASSIGN_OR_RETURN(const c10::Device device, device_from_flag());
  if (is_onnx && !device.is_cpu()) {
    return usage_error(absl::StrCat("--device=", device.str(), ": an ONNX file runs in ONNX Runtime, on the CPU"));
  }
  PARE_RETURN_IF_ERROR(choose_kernels_by_flag(backends::kAutoBackend));
  PARE_ASSIGN_OR_RETURN(const DataSource source, data_source_from_flags());
  data::ImageLoaderOptions options;
  PARE_ASSIGN_OR_RETURN(options.batch_size, count_from_flag(FLAGS_batch_size, 1));
  PARE_ASSIGN_OR_RETURN(options.subset_size, count_from_flag(FLAGS_limit, 0));
  PARE_ASSIGN_OR_RETURN(const std::vector<int64_t> input_shape, input_shape_from_flags());
  PARE_ASSIGN_OR_RETURN(const auto images, open_dataset(source, data::Split::kTest));
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<data::ImageLoader> loader, open_loader(images, source, options));

  training::Progress progress("evaluating", loader->num_batches(), {.quiet = absl::GetFlag(FLAGS_quiet)});
  const auto show = [&progress](int64_t done, int64_t) { progress.update(done); };
  training::EvaluationResult result;
  if (is_onnx) {
    PARE_ASSIGN_OR_RETURN(result, evaluate_onnx(name, *loader, show));
  } else if (is_checkpoint_name(name)) {
    PARE_ASSIGN_OR_RETURN(const OpenedCheckpoint opened, open_checkpoint(name, absl::GetFlag(FLAGS_model)));
    PARE_RETURN_IF_ERROR(opened.compression->model()->to(device));
    PARE_ASSIGN_OR_RETURN(result, training::evaluate(*opened.compression->model(), *loader, show));
  } else {
    PARE_ASSIGN_OR_RETURN(const OpenedModel opened,
                          open_model(name, input_shape, model_options(*images, absl::GetFlag(FLAGS_seed))));
    if (opened.is_random) log_warning(absl::StrCat(name, " has random weights"));
    PARE_RETURN_IF_ERROR(opened.model->to(device));
    PARE_ASSIGN_OR_RETURN(result, training::evaluate(*opened.model, *loader, show));
  }
  progress.finish();
  nlohmann::ordered_json json = training::to_json(result);
  json["model"] = name;
  return CommandResult{result.to_string() + "\n", json};
}

}  // namespace

Command eval_command() {
  return {.name = "eval",
          .arguments = "MODEL",
          .min_arguments = 1,
          .max_arguments = 1,
          .summary = "the accuracy of a model on a data set's test images",
          .description =
              "Classifies the test images of a data set and prints the share of right answers.\n"
              "MODEL is a TorchScript file, the name of a model of models/ (with random weights), an ONNX file,\n"
              "which runs in ONNX Runtime through node and the npm package onnxruntime-node, or a training's\n"
              "checkpoint (OUT/best.checkpoint), which needs no config; --model names the network that was compressed\n"
              "where that is no longer where it was.",
          .examples = {"eval resnet20.pt --dataset=cifar10 --data_dir=cifar-10-batches-bin",
                       "eval out/best.checkpoint --dataset=cifar10 --data_dir=cifar-10-batches-bin",
                       "eval resnet20_int8.onnx --dataset=cifar10 --data_dir=cifar-10-batches-bin --limit=500 --json"},
          .flags = {"model", "dataset", "data_dir", "mean", "std", "image_size", "batch_size", "limit", "input_shape",
                    "seed", "backend", "device"},
          .run = run_eval};
}

}  // namespace pare::tools
