#include "tools/cli/quantize_command.h"

#include <filesystem>
#include <memory>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "backends/registry.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "compression/create.h"
#include "data/random_loader.h"
#include "graph/exporters.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/default_config.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"
#include "tools/common/open_model.h"
#include "training/evaluate.h"
#include "training/output_folder.h"
#include "training/report.h"

namespace pare::tools {

namespace {

// Images, or random numbers, to calibrate on; the shape of the model's input; and what a model of models/ is made with.
struct Calibration {
  std::unique_ptr<data::DataLoader> loader;
  std::vector<int64_t> input_shape;
  models::ModelOptions model_options;
};

// Before the work, what would make it useless: a name that no exporter knows, a folder that cannot be written.
absl::Status check_output(const std::string& output) {
  PARE_RETURN_IF_ERROR(graph::find_exporter(output).status());
  return training::check_writable(std::filesystem::path(output).parent_path().string());
}

// Only training switches on what a schedule has put off.
absl::Status check_stage(const CompressionAlgorithm& compression) {
  if (compression.stage() == CompressionStage::kFullyCompressed) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the file would be ", to_string(compression.stage()),
      ": the config's \"params\" (weights_quant_start_epoch, activations_quant_start_epoch; each is 1 unless it is "
      "set) "
      "put quantization off until that epoch of a training, and quantize does not train. Set both to 0 or remove "
      "\"params\", or use pare train with more epochs than those"));
}

absl::StatusOr<Calibration> calibration_from_flags() {
  Calibration calibration;
  PARE_ASSIGN_OR_RETURN(calibration.input_shape, input_shape_from_flags());
  PARE_ASSIGN_OR_RETURN(const int64_t samples, count_from_flag(FLAGS_samples, 1));
  PARE_ASSIGN_OR_RETURN(const int64_t most_a_batch, count_from_flag(FLAGS_batch_size, 1));
  const int64_t batch_size = std::min(samples, most_a_batch);
  if (absl::GetFlag(FLAGS_random_data)) {
    if (calibration.input_shape.empty()) {
      return usage_error("--random_data needs --input_shape, for example --input_shape=1,3,224,224");
    }
    std::vector<int64_t> shape = calibration.input_shape;
    shape[0] = batch_size;
    PARE_ASSIGN_OR_RETURN(calibration.loader, data::RandomLoader::create({.inputs = {{.shape = shape}},
                                                                          .num_batches = (samples - 1) / batch_size + 1,
                                                                          .seed = absl::GetFlag(FLAGS_seed)}));
    return calibration;
  }
  PARE_ASSIGN_OR_RETURN(const DataSource source, data_source_from_flags());
  PARE_ASSIGN_OR_RETURN(const auto dataset, open_dataset(source, data::Split::kTrain));
  calibration.model_options = model_options(*dataset, absl::GetFlag(FLAGS_seed));
  if (calibration.input_shape.empty()) {
    const data::ImageShape shape = dataset->shape();
    calibration.input_shape = {1, shape.channels, shape.height, shape.width};
  }
  data::ImageLoaderOptions options;
  options.batch_size = batch_size;
  options.subset_size = std::min(samples, dataset->size());
  options.random_subset = true;
  options.seed = absl::GetFlag(FLAGS_seed);
  PARE_ASSIGN_OR_RETURN(calibration.loader, open_loader(dataset, source, options));
  return calibration;
}

absl::StatusOr<std::optional<training::EvaluationResult>> evaluate_if_asked(graph::Model& model) {
  if (!absl::GetFlag(FLAGS_evaluate)) return std::nullopt;
  PARE_ASSIGN_OR_RETURN(const DataSource source, data_source_from_flags());
  PARE_ASSIGN_OR_RETURN(const auto loader, open_loader(source, data::Split::kTest,
                                                       {.batch_size = absl::GetFlag(FLAGS_batch_size),
                                                        .subset_size = absl::GetFlag(FLAGS_limit)}));
  PARE_ASSIGN_OR_RETURN(const training::EvaluationResult result, training::evaluate(model, *loader));
  return result;
}

absl::StatusOr<CommandResult> run_quantize(const std::vector<std::string>& arguments) {
  PARE_RETURN_IF_ERROR(require_flag(FLAGS_output, "OUT.onnx or OUT.pt"));
  const std::string output = absl::GetFlag(FLAGS_output);
  PARE_RETURN_IF_ERROR(check_output(output));
  PARE_ASSIGN_OR_RETURN(const c10::Device device, device_from_flag());
  const int64_t samples = absl::GetFlag(FLAGS_samples);
  CompressionConfig config;
  if (const std::string path = absl::GetFlag(FLAGS_config); !path.empty()) {
    PARE_ASSIGN_OR_RETURN(config, CompressionConfig::load(path));
  } else {
    PARE_ASSIGN_OR_RETURN(config, default_quantization_config(absl::GetFlag(FLAGS_preset), samples));
  }
  PARE_RETURN_IF_ERROR(choose_kernels_by_flag(config.backend));
  config.backend = backends::kAutoBackend;  // The choice is made.
  PARE_ASSIGN_OR_RETURN(const Calibration calibration, calibration_from_flags());
  PARE_ASSIGN_OR_RETURN(const OpenedModel opened,
                        open_model(arguments[0], calibration.input_shape, calibration.model_options));
  if (opened.is_random) log_warning(absl::StrCat(arguments[0], " has random weights"));
  PARE_RETURN_IF_ERROR(opened.model->to(device));

  PARE_ASSIGN_OR_RETURN(const auto before, evaluate_if_asked(*opened.model));
  PARE_ASSIGN_OR_RETURN(
      const std::unique_ptr<CompressionAlgorithm> compression,
      create_compressed_model(opened.model, config,
                              {.data_loader = calibration.loader.get(), .input_size = {calibration.input_shape}}));
  PARE_RETURN_IF_ERROR(check_stage(*compression));
  const Statistics statistics = compression->statistics();
  PARE_RETURN_IF_ERROR(compression->export_model(output));
  // Export rounds a little more: the accuracy is to be that of the file.
  PARE_ASSIGN_OR_RETURN(const auto after, evaluate_if_asked(*opened.model));

  std::error_code error;
  const int64_t bytes = static_cast<int64_t>(std::filesystem::file_size(output, error));
  if (error) return absl::InternalError(absl::StrCat(output, " was written and cannot be found: ", error.message()));
  CommandResult result;
  result.json = {{"model", arguments[0]}, {"output", output}, {"bytes", bytes}};
  if (before.has_value()) result.json["before"] = training::to_json(*before);
  if (after.has_value()) result.json["after"] = training::to_json(*after);
  result.json["statistics"] = statistics.to_json();
  result.text = statistics.to_text();
  if (before.has_value()) absl::StrAppend(&result.text, "before  ", before->to_string(), "\n");
  if (after.has_value()) absl::StrAppend(&result.text, "after   ", after->to_string(), "\n");
  absl::StrAppend(&result.text, "written to ", output, " (", bytes, " bytes)\n");
  return result;
}

}  // namespace

Command quantize_command() {
  return {.name = "quantize",
          .arguments = "MODEL",
          .min_arguments = 1,
          .max_arguments = 1,
          .summary = "calibrate a model on a few images and write it quantized; no training",
          .description =
              "Finds the ranges of weights and activations on --samples training images and writes the model\n"
              "with its quantizers: ONNX (QuantizeLinear and DequantizeLinear, int8 weights) or TorchScript\n"
              "(ATen's fake-quantize operators), by the ending of --output. Without --config: INT8, weights\n"
              "symmetric a channel, activations as --preset says.",
          .examples = {"quantize resnet20.pt --dataset=cifar10 --data_dir=cifar-10-batches-bin --samples=300 "
                       "--output=resnet20_int8.onnx",
                       "quantize model.pt --random_data --input_shape=1,3,224,224 --output=model_int8.onnx"},
          .flags = {"output", "config", "preset", "backend", "device", "dataset", "data_dir", "mean", "std",
                    "image_size", "samples", "random_data", "input_shape", "batch_size", "seed", "evaluate", "limit"},
          .run = run_quantize};
}

}  // namespace pare::tools
