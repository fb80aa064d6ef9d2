#include "tools/cli/train_command.h"

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/flags.h"
#include "tools/train/run_training.h"

namespace pare::tools {

namespace {

absl::StatusOr<TrainingJob> job_from_flags() {
  TrainingJob job;
  job.model = absl::GetFlag(FLAGS_model);
  if (job.model.empty()) return absl::InvalidArgumentError("--model is missing");
  PARE_ASSIGN_OR_RETURN(const DataSource source, data_source_from_flags());
  job.dataset = source.name;
  job.data_dir = source.dir;
  job.mean = source.mean;
  job.stddev = source.stddev;
  job.config_path = absl::GetFlag(FLAGS_config);
  PARE_ASSIGN_OR_RETURN(job.input_size, input_shape_from_flags());
  job.batch_size = absl::GetFlag(FLAGS_batch_size);
  job.augment = absl::GetFlag(FLAGS_augment);
  job.train_samples = absl::GetFlag(FLAGS_train_samples);
  job.eval_samples = absl::GetFlag(FLAGS_limit);
  job.pretrain_epochs = absl::GetFlag(FLAGS_pretrain_epochs);
  job.quiet = absl::GetFlag(FLAGS_quiet);

  training::TrainOptions& train = job.train;
  train.epochs = absl::GetFlag(FLAGS_epochs);
  train.output_dir = absl::GetFlag(FLAGS_output_dir);
  if (train.output_dir.empty()) return absl::InvalidArgumentError("--output_dir is missing");
  train.resume = absl::GetFlag(FLAGS_resume);
  train.seed = absl::GetFlag(FLAGS_seed);
  train.freeze_batch_norm_epoch = absl::GetFlag(FLAGS_freeze_batch_norm) ? 0 : -1;
  PARE_ASSIGN_OR_RETURN(train.optimizer.kind, training::parse_optimizer_kind(absl::GetFlag(FLAGS_optimizer)));
  const double rate = absl::GetFlag(FLAGS_learning_rate);
  if (rate >= 0) train.learning_rate.base = rate;
  const double decay = absl::GetFlag(FLAGS_weight_decay);
  if (decay >= 0) train.optimizer.weight_decay = decay;
  return job;
}

std::string accuracy_line(const nlohmann::ordered_json& results, const std::string& key, const std::string& label) {
  if (!results.contains(key) || !results[key].is_object()) return "";
  const nlohmann::ordered_json& result = results[key];
  return absl::StrCat(label, "top1 ", absl::SixDigits(result["top1"].get<double>()), " (",
                      result["correct"].get<int64_t>(), "/", result["total"].get<int64_t>(), ")\n");
}

absl::StatusOr<CommandResult> run_train(const std::vector<std::string>&) {
  PARE_ASSIGN_OR_RETURN(const TrainingJob job, job_from_flags());
  PARE_ASSIGN_OR_RETURN(const nlohmann::ordered_json results, run_training(job));
  std::string text = absl::StrCat(accuracy_line(results, "original", "before compression    "),
                                  accuracy_line(results, "initialized", "compressed, untrained "),
                                  accuracy_line(results, "trained", "compressed, trained   "));
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
          "Ctrl-C saves a checkpoint and stops; --resume goes on from it.",
      .examples = {"train --config=int8.json --model=resnet20.pt --dataset=cifar10 --data_dir=cifar-10-batches-bin "
                   "--epochs=1 --output_dir=out",
                   "train --config=int8.json --model=mlp --pretrain_epochs=3 --dataset=mnist --data_dir=mnist "
                   "--epochs=1 --output_dir=out"},
      .flags = {"config",  "model",         "dataset",         "data_dir",      "mean",
                "std",     "image_size",    "input_shape",     "epochs",        "output_dir",
                "resume",  "learning_rate", "optimizer",       "weight_decay",  "freeze_batch_norm",
                "augment", "batch_size",    "pretrain_epochs", "train_samples", "limit",
                "seed"},
      .run = run_train};
}

}  // namespace pare::tools
