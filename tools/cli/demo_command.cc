#include "tools/cli/demo_command.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eq.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "backends/registry.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/create.h"
#include "export/onnxruntime/onnxruntime_node.h"
#include "graph/exporters.h"
#include "statistics/statistics.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/default_config.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"
#include "tools/common/device.h"
#include "tools/common/open_model.h"
#include "training/evaluate.h"
#include "training/output_folder.h"
#include "training/trainer.h"

namespace pare::tools {

namespace {

constexpr char kModel[] = "small_resnet";
constexpr int64_t kTrainEpochs = 10;
constexpr int64_t kCalibrationImages = 300;
constexpr int64_t kTimedImages = 256;
// The exported file is to compute what Pare computes, but for float's last bits, which seldom tip an answer.
constexpr double kExpectedAgreement = 0.998;
// x86 processors without VNNI add products of int8 in 16 bits, which may overflow: ONNX Runtime then answers otherwise
// now and then. Below this, the file is wrong.
constexpr double kLeastAgreement = 0.95;

// What is known of the model before or after compression.
struct Column {
  training::EvaluationResult accuracy;
  std::optional<training::EvaluationResult> exported_accuracy;  // in ONNX Runtime
  double agreement = 0;                                         // the share of images with the same answer in both
  int64_t bytes = 0;
  double milliseconds_per_image = 0;
};

class Demo {
 public:
  Demo(std::string folder, c10::Device device) : folder_(std::move(folder)), device_(device) {}

  absl::StatusOr<CommandResult> run() {
    PARE_RETURN_IF_ERROR(open());
    PARE_RETURN_IF_ERROR(train());
    PARE_RETURN_IF_ERROR(export_original());
    PARE_RETURN_IF_ERROR(compress());
    return report();
  }

 private:
  absl::StatusOr<std::unique_ptr<data::ImageLoader>> loader(data::Split split,
                                                            const data::ImageLoaderOptions& options) {
    return open_loader({.name = "procedural", .seed = absl::GetFlag(FLAGS_seed)}, split, options);
  }

  absl::Status open() {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error) return absl::PermissionDeniedError(absl::StrCat("cannot make ", folder_, ": ", error.message()));
    PARE_RETURN_IF_ERROR(training::check_writable(folder_));
    log_info("1/4 drawing images and training a small residual network on them");
    const uint64_t seed = absl::GetFlag(FLAGS_seed);
    PARE_ASSIGN_OR_RETURN(
        train_loader_, loader(data::Split::kTrain, {.batch_size = 64, .shuffle = true, .augment = true, .seed = seed}));
    PARE_ASSIGN_OR_RETURN(test_loader_, loader(data::Split::kTest, {.batch_size = kTimedImages}));
    PARE_ASSIGN_OR_RETURN(OpenedModel opened, open_model(kModel, {}, {.num_classes = 10, .seed = seed}));
    model_ = std::move(opened.model);
    PARE_RETURN_IF_ERROR(model_->to(device_));
    input_shape_ = std::move(opened.input_shape);
    return absl::OkStatus();
  }

  absl::Status train() {
    training::TrainOptions options;
    options.epochs = kTrainEpochs;
    options.learning_rate.base = 0.1;
    options.learning_rate.warmup_epochs = 0.5;
    options.optimizer.weight_decay = 5e-4;
    options.optimizer.nesterov = true;
    options.seed = absl::GetFlag(FLAGS_seed);
    options.evaluate = false;
    options.progress.quiet = absl::GetFlag(FLAGS_quiet);
    return training::Trainer(model_, *train_loader_, nullptr, options).run().status();
  }

  absl::Status export_original() {
    log_info("2/4 measuring and exporting the trained network");
    return measure(
        absl::StrCat(folder_, "/fp32.onnx"),
        [this](const std::string& path) { return graph::write_model(*model_, {input_shape_}, path); }, &before_);
  }

  absl::Status compress() {
    log_info("3/4 quantizing it to INT8 and fine-tuning for an epoch");
    PARE_ASSIGN_OR_RETURN(const CompressionConfig config, default_quantization_config("mixed", kCalibrationImages));
    PARE_ASSIGN_OR_RETURN(calibration_, loader(data::Split::kTrain, {.batch_size = 100,
                                                                     .seed = absl::GetFlag(FLAGS_seed),
                                                                     .subset_size = kCalibrationImages,
                                                                     .random_subset = true}));
    PARE_ASSIGN_OR_RETURN(
        compression_,
        create_compressed_model(model_, config, {.data_loader = calibration_.get(), .input_size = {input_shape_}}));
    training::TrainOptions options;
    options.epochs = 1;
    options.learning_rate.base = 0.002;
    options.freeze_batch_norm_epoch = 0;
    options.seed = absl::GetFlag(FLAGS_seed);
    options.evaluate = false;
    options.progress.quiet = absl::GetFlag(FLAGS_quiet);
    PARE_RETURN_IF_ERROR(training::Trainer(*compression_, *train_loader_, nullptr, options).run().status());
    log_info("4/4 measuring and exporting the quantized network");
    return measure(
        absl::StrCat(folder_, "/int8.onnx"),
        [this](const std::string& path) { return compression_->export_model(path); }, &after_);
  }

  // The accuracy of `classifier`, and its answers, a tensor a batch.
  absl::StatusOr<training::EvaluationResult> answers_of(const training::Classifier& classifier,
                                                        std::vector<at::Tensor>* answers) {
    return training::evaluate(
        [&](const data::Batch& batch) -> absl::StatusOr<at::Tensor> {
          PARE_ASSIGN_OR_RETURN(const at::Tensor logits, classifier(batch));
          PARE_ASSIGN_OR_RETURN(const at::Tensor answer,
                                guard_torch("the answers", [&] { return logits.argmax(1).cpu(); }));
          answers->push_back(answer);
          return logits;
        },
        *test_loader_);
  }

  // The file, then accuracy in Pare, then accuracy and time in ONNX Runtime if it is there, else time in LibTorch.
  absl::Status measure(const std::string& path, const std::function<absl::Status(const std::string&)>& write,
                       Column* column) {
    model_->eval();
    const training::Classifier in_pare = [&](const data::Batch& batch) -> absl::StatusOr<at::Tensor> {
      PARE_ASSIGN_OR_RETURN(const data::Batch moved, guard_torch("moving a batch to the model",
                                                                 [&] { return training::to_device(batch, device_); }));
      return model_->forward_tensor(moved.inputs);
    };
    std::vector<at::Tensor> answers;
    // Export rounds a little more: the accuracy is to be that of the file.
    PARE_RETURN_IF_ERROR(write(path));
    PARE_ASSIGN_OR_RETURN(column->accuracy, answers_of(in_pare, &answers));
    std::error_code error;
    column->bytes = static_cast<int64_t>(std::filesystem::file_size(path, error));
    if (error) return absl::InternalError(absl::StrCat(path, " was written and cannot be found: ", error.message()));
    absl::StatusOr<std::unique_ptr<exporters::OnnxRuntimeNode>> runtime = exporters::OnnxRuntimeNode::start(path);
    if (runtime.ok()) {
      in_onnxruntime_ = true;
      const training::Classifier exported = [&](const data::Batch& batch) -> absl::StatusOr<at::Tensor> {
        PARE_ASSIGN_OR_RETURN(std::vector<at::Tensor> outputs, (*runtime)->run(batch.inputs));
        if (outputs.empty()) return absl::FailedPreconditionError(absl::StrCat(path, " gave no output"));
        return outputs[0];
      };
      std::vector<at::Tensor> exported_answers;
      PARE_ASSIGN_OR_RETURN(column->exported_accuracy, answers_of(exported, &exported_answers));
      PARE_ASSIGN_OR_RETURN(
          column->agreement, guard_torch("comparing answers", [&] {
            return at::eq(at::cat(answers), at::cat(exported_answers)).to(at::kDouble).mean().item<double>();
          }));
      PARE_RETURN_IF_ERROR(check_agreement(path, *column));
      return time_images([&](const data::Batch& batch) { return exported(batch).status(); }, column);
    }
    if (runtime.status().code() != absl::StatusCode::kUnavailable) return runtime.status();
    log_warning_once("demo-onnxruntime",
                     absl::StrCat("the exported files are not run: ", std::string(runtime.status().message())));
    const at::NoGradGuard no_grad;
    return time_images(
        [&](const data::Batch& batch) -> absl::Status {
          PARE_RETURN_IF_ERROR(in_pare(batch).status());
          return synchronize(device_);
        },
        column);
  }

  // A demo that prints good numbers beside a wrong file would be worse than none.
  static absl::Status check_agreement(const std::string& path, const Column& column) {
    if (column.agreement >= kExpectedAgreement) return absl::OkStatus();
    const std::string message = absl::StrFormat(
        "%s: in ONNX Runtime %.2f%% of the answers are those of the model (%.2f%% are expected), and it is right for "
        "%s "
        "instead of %s",
        path, 100 * column.agreement, 100 * kExpectedAgreement, column.exported_accuracy->to_string(),
        column.accuracy.to_string());
    if (column.agreement < kLeastAgreement) return absl::InternalError(message);
    log_warning(absl::StrCat(message, "; processors without VNNI instructions round int8 sums otherwise"));
    return absl::OkStatus();
  }

  // The shortest of a few runs over one batch.
  absl::Status time_images(const std::function<absl::Status(const data::Batch&)>& run, Column* column) {
    PARE_RETURN_IF_ERROR(test_loader_->start_epoch(0));
    PARE_ASSIGN_OR_RETURN(const std::optional<data::Batch> batch, test_loader_->next());
    if (!batch.has_value()) return absl::InternalError("there are no test images to time");
    double best = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      PARE_RETURN_IF_ERROR(run(*batch));
      const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
      best = std::min(best, elapsed.count());
    }
    column->milliseconds_per_image = best / static_cast<double>(batch->size());
    return absl::OkStatus();
  }

  absl::StatusOr<CommandResult> report() const {
    const auto percent = [](const training::EvaluationResult& result) {
      return absl::StrFormat("%.2f%%", 100 * result.top1());
    };
    Statistics statistics;
    Table& table = statistics.table("demo", {"", "FP32", "INT8"});
    table.add_row({"accuracy", percent(before_.accuracy), percent(after_.accuracy)});
    if (in_onnxruntime_) {
      table.add_row(
          {"accuracy in ONNX Runtime", percent(*before_.exported_accuracy), percent(*after_.exported_accuracy)});
      table.add_row({"same answer in ONNX Runtime", absl::StrFormat("%.2f%%", 100 * before_.agreement),
                     absl::StrFormat("%.2f%%", 100 * after_.agreement)});
    }
    table.add_row({"file size (KiB)", absl::StrFormat("%.1f", static_cast<double>(before_.bytes) / 1024.0),
                   absl::StrFormat("%.1f", static_cast<double>(after_.bytes) / 1024.0)});
    table.add_row({in_onnxruntime_ ? "ms per image, ONNX Runtime" : "ms per image, LibTorch, INT8 simulated",
                   absl::StrFormat("%.3f", before_.milliseconds_per_image),
                   absl::StrFormat("%.3f", after_.milliseconds_per_image)});
    CommandResult result;
    result.json = {{"runtime", in_onnxruntime_ ? "onnxruntime" : "libtorch"}};
    for (const auto& [name, column] : {std::pair{"fp32", &before_}, std::pair{"int8", &after_}}) {
      nlohmann::ordered_json& json = result.json[name];
      json = {{"top1", column->accuracy.top1()},
              {"bytes", column->bytes},
              {"milliseconds_per_image", column->milliseconds_per_image}};
      if (column->exported_accuracy.has_value()) {
        json["onnxruntime_top1"] = column->exported_accuracy->top1();
        json["onnxruntime_agreement"] = column->agreement;
      }
    }
    result.json["files"] = {absl::StrCat(folder_, "/fp32.onnx"), absl::StrCat(folder_, "/int8.onnx")};
    result.text =
        absl::StrCat(statistics.find_table("demo")->to_text(), "\nwritten to ", folder_, ": fp32.onnx and int8.onnx\n");
    return result;
  }

  std::string folder_;
  c10::Device device_;
  std::shared_ptr<graph::Model> model_;
  std::vector<int64_t> input_shape_;
  std::unique_ptr<data::ImageLoader> train_loader_, test_loader_;
  std::unique_ptr<data::ImageLoader> calibration_;  // before the method, which keeps a pointer to it
  std::unique_ptr<CompressionAlgorithm> compression_;
  bool in_onnxruntime_ = false;
  Column before_, after_;
};

absl::StatusOr<CommandResult> run_demo(const std::vector<std::string>&) {
  PARE_ASSIGN_OR_RETURN(const c10::Device device, device_from_flag());
  PARE_RETURN_IF_ERROR(choose_kernels_by_flag(backends::kAutoBackend));
  std::string folder = absl::GetFlag(FLAGS_output_dir);
  if (folder.empty()) {
    std::error_code error;
    folder = (std::filesystem::temp_directory_path(error) / "pare_demo").string();
    if (error) return usage_error("there is no folder for temporary files (TMPDIR): give one with --output_dir");
  }
  return Demo(folder, device).run();
}

}  // namespace

Command demo_command() {
  return {.name = "demo",
          .summary = "the whole way, on images that it draws itself",
          .description =
              "Draws a data set of shapes, trains a small residual network on it, quantizes it to INT8 with an\n"
              "epoch of fine-tuning, exports both to ONNX, and prints accuracy, file size and time per image\n"
              "before and after. Needs no data and takes a few minutes on two cores. Where node and the npm\n"
              "package onnxruntime-node are found, the exported files are run in ONNX Runtime, and must give the\n"
              "same answers as the models that they were made of.",
          .examples = {"demo", "demo --output_dir=out --json"},
          .flags = {"output_dir", "seed", "backend", "device"},
          .run = run_demo};
}

}  // namespace pare::tools
