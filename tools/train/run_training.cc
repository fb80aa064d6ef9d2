#include "tools/train/run_training.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "backends/registry.h"
#include "base/atomic_file.h"
#include "base/caching_cpu_allocator.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "compression/create.h"
#include "config/compression_config.h"
#include "distributed/rendezvous.h"
#include "graph/clone.h"
#include "tools/common/device.h"
#include "tools/common/kernels.h"
#include "tools/common/open_data.h"
#include "tools/common/open_model.h"
#include "tools/train/before_training.h"
#include "tools/train/compare_speed.h"
#include "tools/train/open_checkpoint.h"
#include "tools/train/training_settings.h"
#include "training/accuracy_aware.h"
#include "training/checkpoint_folder.h"
#include "training/evaluate.h"
#include "training/output_folder.h"
#include "training/trainer.h"

namespace pare::tools {
namespace {

using training::kLastCheckpoint;

constexpr char kBeforeTraining[] = "before_training.json";
constexpr char kPretrained[] = "pretrained";

std::string text_of(const nlohmann::ordered_json& json) {
  // A file name need not be UTF-8.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// One training from its parts to its results.
class Job {
 public:
  explicit Job(const TrainingJob& job) : job_(job) {}
  absl::StatusOr<nlohmann::ordered_json> run();

 private:
  absl::Status join();
  absl::Status look_for_checkpoint();
  absl::Status check() const;
  absl::Status check_accuracy_aware_job() const;
  absl::Status open_data();
  absl::Status open();
  absl::Status check_config() const;
  absl::Status start_folder();
  training::TrainOptions pretrain_options() const;
  absl::Status pretrain();
  absl::Status compress();
  absl::Status measure_before_training();
  absl::Status keep_original();
  absl::Status train();
  absl::StatusOr<training::TrainResult> train_accuracy_aware(const training::TrainOptions& options);
  absl::Status measure_speed();
  absl::Status write_results();

  // The accuracy as it is now goes into the results under `key`.
  absl::Status measure(const char* key);
  absl::StatusOr<nlohmann::json> settings() const;

  std::string path(const char* file) const { return absl::StrCat(job_.train.output_dir, "/", file); }
  bool pretrains() const { return job_.pretrain_epochs > 0 && opened_.is_random; }

  bool is_first() const { return group_ == nullptr || group_->rank() == 0; }
  bool is_quiet() const { return job_.quiet || !is_first(); }
  data::Shard shard() const { return group_ == nullptr ? data::Shard() : data::Shard{group_->rank(), group_->size()}; }

  const TrainingJob& job_;
  std::shared_ptr<ProcessGroup> group_;  // nullptr: this process is alone
  c10::Device device_ = c10::Device(c10::kCPU);
  // The run goes on from a checkpoint: what came before it is not done again.
  bool goes_on_ = false;
  CompressionConfig config_;
  std::shared_ptr<const data::ImageDataset> train_images_, test_images_;
  std::unique_ptr<data::ImageLoader> train_loader_, eval_loader_;
  OpenedModel opened_;
  std::shared_ptr<graph::Model> original_;  // a copy from before compression, where its speed is asked for
  // Before the methods, which may draw from it as long as they live.
  std::unique_ptr<data::ImageLoader> calibration_;
  std::unique_ptr<CompressionAlgorithm> compression_;
  nlohmann::ordered_json results_;
};

absl::Status Job::join() {
  device_ = job_.device;
  PARE_ASSIGN_OR_RETURN(const std::optional<LaunchedProcess> process, launched_process());
  if (process.has_value() && process->size > 1) {
    PARE_ASSIGN_OR_RETURN(device_, device_of_process(job_.device, process->local_rank));
  }
  PARE_ASSIGN_OR_RETURN(
      group_, join_process_group({.device = device_, .timeout = std::chrono::seconds(job_.process_timeout_seconds)}));
  if (group_ == nullptr) return absl::OkStatus();
  if (is_first()) log_info(absl::StrCat("training in ", group_->size(), " processes"));
  // What all would say process 0 says.
  set_quiet(is_quiet());
  return absl::OkStatus();
}

// Process 0 alone need see the folder.
absl::Status Job::look_for_checkpoint() {
  double found =
      is_first() && job_.train.resume && !training::resumable_checkpoints(job_.train.output_dir).empty() ? 1.0 : 0.0;
  if (group_ != nullptr) PARE_RETURN_IF_ERROR(group_->reduce_numbers(absl::MakeSpan(&found, 1), Reduction::kMax));
  goes_on_ = found > 0.0;
  return absl::OkStatus();
}

absl::Status Job::check() const {
  if (job_.train.output_dir.empty()) return absl::InvalidArgumentError("a training needs an output folder");
  const auto at_least = [](const char* what, int64_t value, int64_t least) {
    if (value >= least) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(what, " is ", value, ", expected ", least, " or more"));
  };
  PARE_RETURN_IF_ERROR(at_least("the number of epochs before compression", job_.pretrain_epochs, 0));
  PARE_RETURN_IF_ERROR(at_least("the batch size", job_.batch_size, 1));
  PARE_RETURN_IF_ERROR(at_least("the batch size of evaluation", job_.eval_batch_size, 1));
  PARE_RETURN_IF_ERROR(at_least("the number of training images", job_.train_samples, 0));
  PARE_RETURN_IF_ERROR(at_least("the seconds that a process waits for another", job_.process_timeout_seconds, 1));
  return job_.pretrain_epochs > 0 ? training::check_train_options(pretrain_options()) : absl::OkStatus();
}

// How many epochs there are is the config's to say, then.
absl::Status Job::check_accuracy_aware_job() const {
  if (!config_.accuracy_aware_training) return training::check_train_options(job_.train);
  const AccuracyAwareSettings& settings = *config_.accuracy_aware_training;
  training::TrainOptions options = job_.train;
  options.epochs = training::maximal_epochs(settings, options);
  PARE_RETURN_IF_ERROR(training::check_train_options(options));
  const std::string where = absl::StrCat(job_.config_path, ": $.accuracy_aware_training");
  if (config_.algorithms.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(where,
                                                   ": there is no method to train with; expected one under "
                                                   "\"compression\""));
  }
  if (settings.maximal_absolute_degradation.value_or(settings.maximal_relative_degradation / 100) >= 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(where,
                     ".params: the budget allows any model; the accuracy is a number from "
                     "0 to 1, where a point is 0.01 (absolute), and relative is in percent"));
  }
  if (job_.evaluate_original && job_.train.evaluate) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": needs the accuracy before compression and after each epoch, and evaluation is turned off"));
}

absl::Status Job::open_data() {
  const int workers = static_cast<int>(job_.loader_threads);
  PARE_ASSIGN_OR_RETURN(train_images_, open_dataset(job_.data, data::Split::kTrain));
  PARE_ASSIGN_OR_RETURN(test_images_, open_dataset(job_.data, data::Split::kTest));
  const int64_t used = job_.train_samples == 0 ? train_images_->size() : job_.train_samples;
  // Batch norm has no variance of one value.
  const bool ends_in_one = used > job_.batch_size && used % job_.batch_size == 1;
  if (ends_in_one) {
    log_info(absl::StrCat(used, " training images leave a last batch of one, which is left out of each epoch"));
  }
  PARE_ASSIGN_OR_RETURN(train_loader_, open_loader(train_images_, job_.data,
                                                   {.batch_size = job_.batch_size,
                                                    .shuffle = true,
                                                    .augment = job_.augment,
                                                    .seed = job_.train.seed,
                                                    .num_workers = workers,
                                                    .drop_last = ends_in_one,
                                                    .subset_size = job_.train_samples,
                                                    .shard = shard()}));
  PARE_ASSIGN_OR_RETURN(eval_loader_, open_loader(test_images_, job_.data,
                                                  {.batch_size = job_.eval_batch_size,
                                                   .num_workers = workers,
                                                   .subset_size = job_.eval_samples,
                                                   .shard = shard()}));
  // Ranges come from training images as they are.
  PARE_ASSIGN_OR_RETURN(calibration_, open_loader(train_images_, job_.data,
                                                  {.batch_size = job_.batch_size,
                                                   .shuffle = true,
                                                   .seed = job_.train.seed,
                                                   .num_workers = workers,
                                                   .subset_size = job_.train_samples,
                                                   .shard = shard()}));
  return absl::OkStatus();
}

absl::Status Job::open() {
  const data::ImageShape shape = train_images_->shape();
  std::vector<int64_t> input_size = job_.input_size;
  // A model of models/ is made for the images at hand, whatever a config was written for.
  if (input_size.empty() && !config_.input_info.empty() && is_model_file(job_.model)) {
    input_size = config_.input_info.front().sample_size;
  }
  if (input_size.empty()) input_size = {1, shape.channels, shape.height, shape.width};
  PARE_ASSIGN_OR_RETURN(opened_, open_model(job_.model, input_size,
                                            {.num_classes = train_images_->num_classes(), .seed = job_.train.seed}));
  if (opened_.input_shape.empty()) opened_.input_shape = input_size;
  // Before there are methods: what they add is where the model is.
  PARE_RETURN_IF_ERROR(opened_.model->to(device_));
  if (opened_.is_random && job_.pretrain_epochs == 0 && !goes_on_) {
    log_warning(absl::StrCat(job_.model,
                             " starts from random weights: training them for some epochs before "
                             "compression makes a better model"));
  }
  results_["model"] = job_.model;
  results_["dataset"] = job_.data.name;
  results_["device"] = device_.str();
  if (group_ != nullptr) results_["processes"] = group_->size();
  results_["train_images"] = train_loader_->num_samples();
  results_["seed"] = job_.train.seed;
  return absl::OkStatus();
}

// Tries the methods on a model of the same kind: a mistake in the config shows now, and not after the pretraining.
absl::Status Job::check_config() const {
  if (config_.algorithms.empty() || goes_on_) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(const OpenedModel trial,
                        open_model(job_.model, opened_.input_shape, {.num_classes = train_images_->num_classes()}));
  PARE_ASSIGN_OR_RETURN(const auto compression,
                        create_compressed_model(trial.model, config_, {.input_size = {opened_.input_shape}}));
  if (config_.accuracy_aware_training) {
    return training::check_accuracy_aware(*compression, *config_.accuracy_aware_training, job_.train);
  }
  return training::check_schedule_fits(*compression, job_.train);
}

// What an earlier training has left there would be taken for this one's by the next --resume.
absl::Status Job::start_folder() {
  if (!is_first()) return absl::OkStatus();
  PARE_RETURN_IF_ERROR(training::make_output_folder(job_.train.output_dir));
  PARE_RETURN_IF_ERROR(training::check_writable(job_.train.output_dir));
  if (goes_on_) return absl::OkStatus();
  PARE_RETURN_IF_ERROR(training::remove_checkpoints(job_.train.output_dir));
  std::error_code ignored;
  std::filesystem::remove(path(kBeforeTraining), ignored);
  // A pretraining that was interrupted is gone on with.
  return job_.train.resume ? absl::OkStatus() : training::remove_checkpoints(path(kPretrained));
}

absl::StatusOr<nlohmann::json> Job::settings() const {
  nlohmann::json settings = {{"batch_size", job_.batch_size},
                             {"augment", job_.augment},
                             {"train_samples", job_.train_samples},
                             {"eval_samples", job_.eval_samples},
                             {"input_size", opened_.input_shape}};
  PARE_ASSIGN_OR_RETURN(settings["model"], model_identity(job_.model));
  PARE_ASSIGN_OR_RETURN(settings["data"], data_identity(job_.data, *train_images_));
  return settings;
}

training::TrainOptions Job::pretrain_options() const {
  training::TrainOptions options;
  options.epochs = job_.pretrain_epochs;
  options.learning_rate = {.base = job_.pretrain_learning_rate, .warmup_epochs = 0.5};
  options.optimizer = job_.train.optimizer;
  options.optimizer.weight_decay = job_.pretrain_weight_decay;
  options.seed = job_.train.seed;
  options.resume = job_.train.resume;
  options.output_dir = path(kPretrained);
  options.process_group = group_.get();
  options.checkpoint_every_steps = job_.train.checkpoint_every_steps;
  options.keep_checkpoints = job_.train.keep_checkpoints;
  options.progress = job_.train.progress;
  options.progress.quiet = options.progress.quiet || is_quiet();
  options.evaluate = job_.train.evaluate;
  return options;
}

absl::Status Job::pretrain() {
  if (!pretrains() || goes_on_) return absl::OkStatus();
  training::TrainOptions options = pretrain_options();
  PARE_ASSIGN_OR_RETURN(options.config, settings());
  return training::Trainer(opened_.model, *train_loader_, eval_loader_.get(), options).run().status();
}

absl::Status Job::measure(const char* key) {
  training::Progress progress(absl::StrCat("evaluation, ", key), eval_loader_->num_batches(),
                              {.quiet = is_quiet() || job_.train.progress.quiet});
  graph::Model& model = compression_ == nullptr ? *opened_.model : *compression_->model();
  PARE_ASSIGN_OR_RETURN(
      const training::EvaluationResult result,
      training::over_all_processes(
          training::evaluate(model, *eval_loader_, [&](int64_t done, int64_t) { progress.update(done); }),
          group_.get()));
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
  // A checkpoint brings its own ranges; a schedule may still ask for data later.
  PARE_ASSIGN_OR_RETURN(compression_, create_compressed_model(opened_.model, config_,
                                                              {.data_loader = goes_on_ ? nullptr : calibration_.get(),
                                                               .process_group = group_,
                                                               .input_size = {opened_.input_shape}}));
  if (goes_on_) compression_->set_data_loader(calibration_.get());
  return absl::OkStatus();
}

absl::Status Job::keep_original() {
  // A model whose first training is not repeated has other weights now: its file would mislead.
  if (goes_on_ && opened_.is_random) return absl::OkStatus();
  if (!job_.compare_speed || !job_.export_model || config_.algorithms.empty()) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(auto copy, graph::clone_graph(opened_.model->graph()));
  original_ = std::make_shared<graph::Model>(std::move(copy));
  original_->set_input_dtypes(opened_.model->input_dtypes());
  return absl::OkStatus();
}

absl::Status Job::measure_speed() {
  if (original_ == nullptr) return absl::OkStatus();
  const OnnxFiles files{.original = path("original.onnx"), .compressed = path("model.onnx")};
  CompressionAlgorithm uncompressed(original_, AlgorithmConfig{}, InputSize{opened_.input_shape});
  PARE_RETURN_IF_ERROR(uncompressed.export_model(files.original));
  PARE_ASSIGN_OR_RETURN(results_["speed"],
                        tools::compare_speed(*original_, *compression_->model(), opened_.input_shape, files));
  return absl::OkStatus();
}

// The accuracies before training, measured or, on a resumed run, as they were measured.
absl::Status Job::measure_before_training() {
  if (goes_on_) {
    std::string text = is_first() ? read_file(path(kBeforeTraining)).value_or("") : "";
    if (group_ != nullptr) {
      PARE_ASSIGN_OR_RETURN(text, group_->broadcast_bytes(text, 0));
    }
    results_.update(read_before_training(text));
    return compress();
  }
  const bool measures = job_.evaluate_original && job_.train.evaluate;
  if (measures) PARE_RETURN_IF_ERROR(measure("original"));
  PARE_RETURN_IF_ERROR(compress());
  if (!measures) return absl::OkStatus();
  nlohmann::ordered_json before = {{"original", results_["original"]}};
  if (!config_.algorithms.empty()) {
    PARE_RETURN_IF_ERROR(measure("initialized"));
    before["initialized"] = results_["initialized"];
  }
  return is_first() ? write_file_atomically(path(kBeforeTraining), text_of(before)) : absl::OkStatus();
}

absl::Status Job::train() {
  training::TrainOptions options = job_.train;
  PARE_ASSIGN_OR_RETURN(options.config, settings());
  options.config["compression"] = config_.source;
  options.source = to_json(NetworkSource{.model = job_.model,
                                         .identity = options.config["model"],
                                         .input_size = opened_.input_shape,
                                         .num_classes = train_images_->num_classes()});
  if (pretrains()) options.config["pretrain"] = training::settings_of(pretrain_options());
  options.process_group = group_.get();
  options.progress.quiet = options.progress.quiet || is_quiet();
  const auto start = std::chrono::steady_clock::now();
  training::TrainResult result;
  if (config_.accuracy_aware_training) {
    PARE_ASSIGN_OR_RETURN(result, train_accuracy_aware(options));
  } else {
    PARE_ASSIGN_OR_RETURN(result, training::Trainer(*compression_, *train_loader_, eval_loader_.get(), options).run());
  }
  if (result.last) results_["trained"] = training::to_json(*result.last);
  if (result.best) {
    results_["best"] = training::to_json(*result.best);
    results_["best"]["epoch"] = result.best_epoch;
  }
  results_["epochs"] = config_.accuracy_aware_training ? result.num_epochs : options.epochs;
  results_["steps"] = result.steps;
  results_["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return absl::OkStatus();
}

// The model ends as the best of its epochs: its accuracy is the trained one.
absl::StatusOr<training::TrainResult> Job::train_accuracy_aware(const training::TrainOptions& options) {
  const nlohmann::ordered_json original = results_.value("original", nlohmann::ordered_json());
  if (!original.is_object() || !original.contains("top1")) {
    return absl::FailedPreconditionError(
        absl::StrCat(path(kBeforeTraining),
                     " does not tell the accuracy before compression, which a training that is "
                     "resumed measures no more; start anew, or in another output folder"));
  }
  PARE_ASSIGN_OR_RETURN(training::AccuracyAwareResult result,
                        training::AccuracyAwareTraining(*compression_, *train_loader_, eval_loader_.get(), options,
                                                        *config_.accuracy_aware_training, original["top1"])
                            .run());
  // Not one epoch has ended: there is nothing to say about the budget.
  if (result.training.num_epochs == 0 && !result.is_budget_met) return std::move(result.training);
  if (result.training.best) result.training.last = result.training.best;
  nlohmann::ordered_json& accuracy = results_["accuracy_aware"];
  accuracy = {{"mode", to_string(config_.accuracy_aware_training->mode)},
              {"budget_met", result.is_budget_met},
              {"accuracy", result.best.accuracy},
              {"accuracy_drop", result.accuracy_drop},
              {"accuracy_budget", result.budget_left},
              {"epoch", result.best.epoch}};
  if (result.best.compression_rate) accuracy["compression_rate"] = *result.best.compression_rate;
  return result.training;
}

absl::Status Job::write_results() {
  if (!config_.algorithms.empty()) {
    const CompressionStage stage = compression_->stage();
    results_["stage"] = to_string(stage);
    if (stage != CompressionStage::kFullyCompressed) {
      const int64_t epochs = results_["epochs"];
      log_warning(absl::StrCat("the model is ", to_string(stage), " after ", epochs, epochs == 1 ? " epoch" : " epochs",
                               ": the config's schedule (\"params\") goes on longer; train for more epochs"));
    }
  }
  results_["statistics"] = compression_->statistics().to_json();
  if (caching_cpu_allocator_is_installed()) {
    results_["peak_memory_bytes"] = caching_cpu_allocator_statistics().peak_bytes_in_use;
  }
  // Not results_["files"] yet: another key may move it.
  nlohmann::ordered_json files;
  if (is_first()) {
    for (const Picture& picture : compression_->pictures()) {
      const std::string file = path((picture.name + ".svg").c_str());
      PARE_RETURN_IF_ERROR(write_file_atomically(file, picture.svg));
      files[picture.name] = file;
    }
  }
  if (job_.export_model) {
    PARE_RETURN_IF_ERROR(is_first() ? compression_->export_model(path("model.onnx"))
                                    : compression_->prepare_for_export());
    files["model"] = path("model.onnx");
    // Export rounds a little more, as runtimes do: this is the accuracy of the file.
    if (job_.train.evaluate && !config_.algorithms.empty()) PARE_RETURN_IF_ERROR(measure("exported"));
  }
  if (!is_first()) return absl::OkStatus();
  if (job_.export_model) PARE_RETURN_IF_ERROR(measure_speed());
  files["checkpoint"] = path(kLastCheckpoint);
  files["metrics"] = path("metrics.jsonl");
  results_["files"] = std::move(files);
  return write_file_atomically(path("results.json"), text_of(results_));
}

absl::StatusOr<nlohmann::ordered_json> Job::run() {
  PARE_RETURN_IF_ERROR(check());
  if (!job_.config_path.empty()) {
    PARE_ASSIGN_OR_RETURN(config_, CompressionConfig::load(job_.config_path));
  }
  PARE_RETURN_IF_ERROR(check_accuracy_aware_job());
  PARE_RETURN_IF_ERROR(choose_kernels(job_.backend.empty() ? config_.backend : job_.backend));
  config_.backend = backends::kAutoBackend;  // The choice is made.
  PARE_RETURN_IF_ERROR(join());
  PARE_RETURN_IF_ERROR(look_for_checkpoint());
  PARE_RETURN_IF_ERROR(open_data());
  PARE_RETURN_IF_ERROR(open());
  PARE_RETURN_IF_ERROR(check_config());
  PARE_RETURN_IF_ERROR(start_folder());
  PARE_RETURN_IF_ERROR(pretrain());
  PARE_RETURN_IF_ERROR(keep_original());
  PARE_RETURN_IF_ERROR(measure_before_training());
  PARE_RETURN_IF_ERROR(train());
  PARE_RETURN_IF_ERROR(write_results());
  return is_first() ? std::move(results_) : nlohmann::ordered_json();
}

}  // namespace

absl::StatusOr<nlohmann::ordered_json> run_training(const TrainingJob& job) { return Job(job).run(); }

}  // namespace pare::tools
