#include "tools/train/run_training.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "compression/create.h"
#include "config/compression_config.h"
#include "tools/common/open_data.h"
#include "tools/common/open_model.h"
#include "training/checkpoint.h"
#include "training/evaluate.h"
#include "training/output_folder.h"

namespace pare::tools {
namespace {

constexpr char kLastCheckpoint[] = "last.checkpoint";

// One training from its parts to its results.
class Job {
 public:
  explicit Job(const TrainingJob& job) : job_(job) {}
  absl::StatusOr<nlohmann::ordered_json> run();

 private:
  absl::Status check() const;
  absl::Status open_data();
  absl::Status open();
  absl::Status pretrain();
  absl::Status compress();
  absl::Status train();
  absl::Status write_results();

  // The accuracy as it is now goes into the results under `key`.
  absl::Status measure(const char* key);

  // Whether the run goes on from a checkpoint: what came before it is not done again.
  bool goes_on() const { return job_.train.resume && read_file(path(kLastCheckpoint)).ok(); }
  std::string path(const char* file) const { return absl::StrCat(job_.train.output_dir, "/", file); }
  DataSource source() const {
    return {.name = job_.dataset, .dir = job_.data_dir, .mean = job_.mean, .stddev = job_.stddev};
  }

  const TrainingJob& job_;
  CompressionConfig config_;
  std::unique_ptr<data::ImageLoader> train_loader_, eval_loader_;
  OpenedModel opened_;
  std::unique_ptr<CompressionAlgorithm> compression_;
  nlohmann::ordered_json results_;
};

absl::Status Job::check() const {
  if (job_.train.output_dir.empty()) return absl::InvalidArgumentError("a training needs an output folder");
  if (job_.pretrain_epochs < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number of epochs before compression is ", job_.pretrain_epochs, ", expected 0 or more"));
  }
  return absl::OkStatus();
}

absl::Status Job::open_data() {
  const int workers = static_cast<int>(job_.loader_threads);
  PARE_ASSIGN_OR_RETURN(train_loader_, open_loader(source(), data::Split::kTrain,
                                                   {.batch_size = job_.batch_size,
                                                    .shuffle = true,
                                                    .augment = job_.augment,
                                                    .seed = job_.train.seed,
                                                    .num_workers = workers,
                                                    .subset_size = job_.train_samples}));
  PARE_ASSIGN_OR_RETURN(
      eval_loader_,
      open_loader(source(), data::Split::kTest,
                  {.batch_size = job_.eval_batch_size, .num_workers = workers, .subset_size = job_.eval_samples}));
  return absl::OkStatus();
}

absl::Status Job::open() {
  // What models of models/ are made for.
  PARE_ASSIGN_OR_RETURN(const std::shared_ptr<const data::ImageDataset> images,
                        open_dataset(source(), data::Split::kTest));
  const data::ImageShape shape = images->shape();
  std::vector<int64_t> input_size = job_.input_size;
  if (input_size.empty() && !config_.input_info.empty()) input_size = config_.input_info.front().sample_size;
  if (input_size.empty()) input_size = {1, shape.channels, shape.height, shape.width};
  PARE_ASSIGN_OR_RETURN(opened_, open_model(job_.model, input_size,
                                            {.num_classes = images->num_classes(),
                                             .in_channels = shape.channels,
                                             .image_size = shape.height,
                                             .seed = job_.train.seed}));
  if (opened_.input_shape.empty()) opened_.input_shape = input_size;
  if (opened_.is_random && job_.pretrain_epochs == 0 && !goes_on()) {
    log_warning(absl::StrCat(job_.model,
                             " starts from random weights: training them for some epochs before "
                             "compression makes a better model"));
  }
  results_["model"] = job_.model;
  results_["dataset"] = job_.dataset;
  results_["train_images"] = train_loader_->num_samples();
  results_["seed"] = job_.train.seed;
  return absl::OkStatus();
}

absl::Status Job::pretrain() {
  if (job_.pretrain_epochs == 0 || !opened_.is_random || goes_on()) return absl::OkStatus();
  training::TrainOptions options;
  options.epochs = job_.pretrain_epochs;
  options.learning_rate = {.base = job_.pretrain_learning_rate, .warmup_epochs = 0.5};
  options.optimizer = job_.train.optimizer;
  options.optimizer.weight_decay = job_.pretrain_weight_decay;
  options.seed = job_.train.seed;
  options.resume = job_.train.resume;
  options.output_dir = path("pretrained");
  options.progress = job_.train.progress;
  options.progress.quiet = job_.quiet;
  options.evaluate = job_.train.evaluate;
  return training::Trainer(opened_.model, *train_loader_, eval_loader_.get(), options).run().status();
}

absl::Status Job::measure(const char* key) {
  training::Progress progress(absl::StrCat("evaluation, ", key), eval_loader_->num_batches(),
                              {.quiet = job_.quiet || job_.train.progress.quiet});
  PARE_ASSIGN_OR_RETURN(const training::EvaluationResult result,
                        training::evaluate(compression_ == nullptr ? *opened_.model : *compression_->model(),
                                           *eval_loader_, [&](int64_t done, int64_t) { progress.update(done); }));
  progress.finish(result.to_string());
  results_[key] = training::to_json(result);
  return absl::OkStatus();
}

absl::Status Job::compress() {
  if (config_.algorithms.empty()) {
    compression_ =
        std::make_unique<CompressionAlgorithm>(opened_.model, AlgorithmConfig{}, InputSize{opened_.input_shape});
    return absl::OkStatus();
  }
  // Ranges come from training images as they are. A checkpoint brings its own.
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<data::ImageLoader> calibration,
                        open_loader(source(), data::Split::kTrain,
                                    {.batch_size = job_.batch_size,
                                     .shuffle = true,
                                     .seed = job_.train.seed,
                                     .num_workers = static_cast<int>(job_.loader_threads),
                                     .subset_size = job_.train_samples}));
  PARE_ASSIGN_OR_RETURN(compression_, create_compressed_model(opened_.model, config_,
                                                              {.data_loader = goes_on() ? nullptr : calibration.get(),
                                                               .input_size = {opened_.input_shape}}));
  return absl::OkStatus();
}

absl::Status Job::train() {
  training::TrainOptions options = job_.train;
  // What decides the result and must be the same when a training is resumed.
  options.config = {{"model", job_.model},
                    {"dataset", job_.dataset},
                    {"config", config_.source},
                    {"batch_size", job_.batch_size},
                    {"augment", job_.augment},
                    {"optimizer", to_string(options.optimizer.kind)},
                    {"weight_decay", options.optimizer.weight_decay},
                    {"learning_rate", options.learning_rate.base},
                    {"schedule", to_string(options.learning_rate.shape)},
                    {"seed", options.seed}};
  options.progress.quiet = options.progress.quiet || job_.quiet;
  const auto start = std::chrono::steady_clock::now();
  PARE_ASSIGN_OR_RETURN(const training::TrainResult result,
                        training::Trainer(*compression_, *train_loader_, eval_loader_.get(), options).run());
  if (result.last) results_["trained"] = training::to_json(*result.last);
  if (result.best) {
    results_["best"] = training::to_json(*result.best);
    results_["best"]["epoch"] = result.best_epoch;
  }
  results_["epochs"] = options.epochs;
  results_["steps"] = result.steps;
  results_["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return absl::OkStatus();
}

absl::Status Job::write_results() {
  results_["statistics"] = compression_->statistics().to_json();
  nlohmann::ordered_json& files = results_["files"];
  if (job_.export_model) {
    PARE_RETURN_IF_ERROR(compression_->export_model(path("model.onnx")));
    files["model"] = path("model.onnx");
  }
  files["checkpoint"] = path(kLastCheckpoint);
  files["metrics"] = path("metrics.jsonl");
  return write_file_atomically(path("results.json"), results_.dump(2) + "\n");
}

absl::StatusOr<nlohmann::ordered_json> Job::run() {
  PARE_RETURN_IF_ERROR(check());
  if (!job_.config_path.empty()) {
    PARE_ASSIGN_OR_RETURN(config_, CompressionConfig::load(job_.config_path));
  }
  PARE_RETURN_IF_ERROR(open_data());
  PARE_RETURN_IF_ERROR(open());
  PARE_RETURN_IF_ERROR(training::make_output_folder(job_.train.output_dir));
  PARE_RETURN_IF_ERROR(pretrain());
  const bool measures = job_.evaluate_original && job_.train.evaluate && !goes_on();
  if (measures) PARE_RETURN_IF_ERROR(measure("original"));
  PARE_RETURN_IF_ERROR(compress());
  if (measures && !config_.algorithms.empty()) PARE_RETURN_IF_ERROR(measure("initialized"));
  PARE_RETURN_IF_ERROR(train());
  PARE_RETURN_IF_ERROR(write_results());
  return std::move(results_);
}

}  // namespace

absl::StatusOr<nlohmann::ordered_json> run_training(const TrainingJob& job) { return Job(job).run(); }

}  // namespace pare::tools
