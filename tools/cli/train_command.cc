#include "tools/cli/train_command.h"

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"
#include "tools/train/run_training.h"
#include "training/evaluate.h"

namespace pare::tools {

namespace {

// For a network that is trained already: an INT8 ResNet-20 loses half a point in an epoch at ten times this rate.
constexpr double kFineTuningRate = 0.001;

absl::StatusOr<training::LearningRateOptions> learning_rate_from_flags() {
  training::LearningRateOptions options;
  const auto shape = training::parse_learning_rate_shape(absl::GetFlag(FLAGS_schedule));
  if (!shape.ok()) return as_usage_error(shape.status());
  options.shape = *shape;
  options.base = absl::GetFlag(FLAGS_learning_rate).value_or(kFineTuningRate);
  PARE_ASSIGN_OR_RETURN(options.milestones, numbers_from_flag(FLAGS_milestones));
  options.gamma = absl::GetFlag(FLAGS_gamma);
  options.power = absl::GetFlag(FLAGS_power);
  options.warmup_epochs = absl::GetFlag(FLAGS_warmup_epochs);
  return options;
}

absl::StatusOr<TrainingJob> job_from_flags() {
  TrainingJob job;
  PARE_RETURN_IF_ERROR(require_flag(FLAGS_model, ""));
  PARE_RETURN_IF_ERROR(require_flag(FLAGS_output_dir, ""));
  job.model = absl::GetFlag(FLAGS_model);
  PARE_ASSIGN_OR_RETURN(job.data, data_source_from_flags());
  job.config_path = absl::GetFlag(FLAGS_config);
  job.backend = absl::GetFlag(FLAGS_backend);
  PARE_ASSIGN_OR_RETURN(job.device, device_from_flag());
  PARE_ASSIGN_OR_RETURN(job.input_size, input_shape_from_flags());
  PARE_ASSIGN_OR_RETURN(job.batch_size, count_from_flag(FLAGS_batch_size, 1));
  job.augment = absl::GetFlag(FLAGS_augment);
  PARE_ASSIGN_OR_RETURN(job.train_samples, count_from_flag(FLAGS_train_samples, 0));
  PARE_ASSIGN_OR_RETURN(job.eval_samples, count_from_flag(FLAGS_limit, 0));
  PARE_ASSIGN_OR_RETURN(job.pretrain_epochs, count_from_flag(FLAGS_pretrain_epochs, 0));
  job.quiet = absl::GetFlag(FLAGS_quiet);
  PARE_ASSIGN_OR_RETURN(job.process_timeout_seconds, count_from_flag(FLAGS_process_timeout_seconds, 1));

  training::TrainOptions& train = job.train;
  PARE_ASSIGN_OR_RETURN(train.epochs, count_from_flag(FLAGS_epochs, 1));
  train.output_dir = absl::GetFlag(FLAGS_output_dir);
  train.resume = absl::GetFlag(FLAGS_resume);
  PARE_ASSIGN_OR_RETURN(train.checkpoint_every_steps, count_from_flag(FLAGS_checkpoint_every, 0));
  PARE_ASSIGN_OR_RETURN(train.keep_checkpoints, count_from_flag(FLAGS_keep_checkpoints, 1));
  train.allow_unfinished_schedule = absl::GetFlag(FLAGS_allow_unfinished_schedule);
  train.seed = absl::GetFlag(FLAGS_seed);
  train.freeze_batch_norm_epoch = absl::GetFlag(FLAGS_freeze_batch_norm) ? 0 : -1;
  const auto kind = training::parse_optimizer_kind(absl::GetFlag(FLAGS_optimizer));
  if (!kind.ok()) return as_usage_error(kind.status());
  train.optimizer.kind = *kind;
  if (const auto decay = absl::GetFlag(FLAGS_weight_decay)) train.optimizer.weight_decay = *decay;
  PARE_ASSIGN_OR_RETURN(train.learning_rate, learning_rate_from_flags());
  // All of them are the flags' words.
  PARE_RETURN_IF_ERROR(as_usage_error(training::check_train_options(train)));
  return job;
}

std::string accuracy_line(const nlohmann::ordered_json& results, const std::string& key, const std::string& label) {
  if (!results.contains(key) || !results[key].is_object()) return "";
  const training::EvaluationResult result = {.correct = results[key]["correct"], .total = results[key]["total"]};
  return absl::StrCat(label, result.to_string(), "\n");
}

absl::StatusOr<CommandResult> run_train(const std::vector<std::string>&) {
  PARE_ASSIGN_OR_RETURN(const TrainingJob job, job_from_flags());
  PARE_ASSIGN_OR_RETURN(const nlohmann::ordered_json results, run_training(job));
  if (results.is_null()) return CommandResult();  // process 0 tells
  std::string text = absl::StrCat(accuracy_line(results, "original", "before compression    "),
                                  accuracy_line(results, "initialized", "compressed, untrained "),
                                  accuracy_line(results, "trained", "compressed, trained   "),
                                  accuracy_line(results, "exported", "exported              "));
  if (results.contains("accuracy_aware")) {
    const nlohmann::ordered_json& aware = results["accuracy_aware"];
    absl::StrAppendFormat(&text, "accuracy budget       %s, drop %.4f",
                          aware["budget_met"].get<bool>() ? "met" : "missed", aware["accuracy_drop"].get<double>());
    if (aware.contains("compression_rate")) {
      absl::StrAppendFormat(&text, ", compression rate %.4g", aware["compression_rate"].get<double>());
    }
    text += "\n";
  }
  if (results.contains("peak_memory_bytes")) {
    absl::StrAppend(&text, absl::StrFormat("memory of tensors     at most %.0f MiB\n",
                                           results["peak_memory_bytes"].get<double>() / (1 << 20)));
  }
  if (results.contains("files") && results["files"].contains("model")) {
    absl::StrAppend(&text, "written to ", results["files"]["model"].get<std::string>(), "\n");
  }
  return CommandResult{text, results};
}

}  // namespace

Command train_command() {
  return {
      .name = "train",
      .summary = "train with compression, by a config",
      .description =
          "Compresses a model as a config says, trains it, and writes into --output_dir: the exported model.onnx, the\n"
          "checkpoints last.checkpoint and best.checkpoint, metrics.jsonl (a line an epoch) and results.json.\n"
          "Ctrl-C saves a checkpoint and stops; --resume goes on from it, or, after a crash, from the last one that "
          "is\n"
          "whole: to the very bits of a training that never stopped. --checkpoint_every=N writes one every N steps.\n"
          "A config with \"accuracy_aware_training\" decides how long: early_exit trains for --epochs at most,\n"
          "adaptive_compression_level for as long as it searches.\n"
          "In several processes: pare launch --nproc=N -- train ...",
      .examples = {"train --config=int8.json --model=resnet20.pt --dataset=cifar10 --data_dir=cifar-10-batches-bin "
                   "--epochs=1 --output_dir=out",
                   "train --config=int8.json --model=mlp --pretrain_epochs=3 --dataset=mnist --data_dir=mnist "
                   "--epochs=1 --output_dir=out"},
      .flags = {"schedule",
                "milestones",
                "gamma",
                "power",
                "warmup_epochs",
                "config",
                "model",
                "dataset",
                "data_dir",
                "mean",
                "std",
                "image_size",
                "input_shape",
                "epochs",
                "output_dir",
                "resume",
                "checkpoint_every",
                "keep_checkpoints",
                "learning_rate",
                "optimizer",
                "weight_decay",
                "freeze_batch_norm",
                "augment",
                "batch_size",
                "pretrain_epochs",
                "train_samples",
                "limit",
                "seed",
                "backend",
                "device",
                "allow_unfinished_schedule",
                "process_timeout_seconds"},
      .run = run_train};
}

}  // namespace pare::tools
