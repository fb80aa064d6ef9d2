// tools/train/train_main.cc: the program of the training targets: run_training() behind flags, whose values for a
// target stand in BUILD; what comes after `--` goes over them.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "base/status_macros.h"
#include "tools/train/run_training.h"
#include "training/threads.h"

ABSL_FLAG(std::string, model, "", "a TorchScript file with trained weights, or the name of a model of models/");
ABSL_FLAG(std::string, config, "", "the JSON config of the compression; empty: none");
ABSL_FLAG(std::string, dataset, "cifar10", "cifar10, mnist, folder or procedural");
ABSL_FLAG(std::string, data_dir, "", "where the data set is");
ABSL_FLAG(std::string, output_dir, "", "where results, checkpoints and the exported model go");
ABSL_FLAG(int64_t, epochs, 1, "epochs with compression");
ABSL_FLAG(int64_t, pretrain_epochs, 0, "epochs without compression before, for a model that has random weights");
ABSL_FLAG(double, pretrain_learning_rate, 0.1, "the greatest learning rate of these");
ABSL_FLAG(double, pretrain_weight_decay, 5e-4, "of weights in these");
ABSL_FLAG(int64_t, batch_size, 128, "images a step");
ABSL_FLAG(double, learning_rate, 0.01, "the greatest learning rate");
ABSL_FLAG(std::string, schedule, "cosine", "of the learning rate: constant, cosine, polynomial or step");
ABSL_FLAG(double, warmup_epochs, 0.0, "epochs in which the learning rate rises");
ABSL_FLAG(std::string, optimizer, "sgd", "sgd, adam or adamw");
ABSL_FLAG(double, weight_decay, 1e-4, "of weights");
ABSL_FLAG(bool, freeze_batch_norm, true, "train with the batch norms' running statistics as they are");
ABSL_FLAG(bool, augment, true, "shift and mirror the training images");
ABSL_FLAG(int64_t, train_samples, 0, "train on the first so many images; 0: all");
ABSL_FLAG(int64_t, eval_samples, 0, "evaluate on the first so many images; 0: all");
ABSL_FLAG(uint64_t, seed, 0, "of order, augmentation, dropout and new models' weights");
ABSL_FLAG(bool, resume, false, "go on from the last checkpoint in --output_dir");
ABSL_FLAG(bool, quiet, false, "no progress on standard error");

namespace pare::tools {
namespace {

constexpr int kInterrupted = 130;  // what a shell reports of a program that Ctrl-C ended

// `bazel run` starts a program beside its data and says where the user stands: that is where their paths begin.
void return_to_users_folder() {
  const std::string config = absl::GetFlag(FLAGS_config);
  std::error_code error;
  if (!config.empty() && std::filesystem::exists(config, error)) {
    absl::SetFlag(&FLAGS_config, std::filesystem::absolute(config, error).string());
  }
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  if (folder != nullptr && chdir(folder) != 0) std::cerr << "cannot change to " << folder << "\n";
}

absl::StatusOr<TrainingJob> job_from_flags() {
  TrainingJob job;
  job.model = absl::GetFlag(FLAGS_model);
  job.config_path = absl::GetFlag(FLAGS_config);
  job.dataset = absl::GetFlag(FLAGS_dataset);
  job.data_dir = absl::GetFlag(FLAGS_data_dir);
  job.pretrain_epochs = absl::GetFlag(FLAGS_pretrain_epochs);
  job.pretrain_learning_rate = absl::GetFlag(FLAGS_pretrain_learning_rate);
  job.pretrain_weight_decay = absl::GetFlag(FLAGS_pretrain_weight_decay);
  job.batch_size = absl::GetFlag(FLAGS_batch_size);
  job.augment = absl::GetFlag(FLAGS_augment);
  job.train_samples = absl::GetFlag(FLAGS_train_samples);
  job.eval_samples = absl::GetFlag(FLAGS_eval_samples);
  job.quiet = absl::GetFlag(FLAGS_quiet);
  training::TrainOptions& train = job.train;
  train.output_dir = absl::GetFlag(FLAGS_output_dir);
  train.epochs = absl::GetFlag(FLAGS_epochs);
  train.seed = absl::GetFlag(FLAGS_seed);
  train.resume = absl::GetFlag(FLAGS_resume);
  train.freeze_batch_norm_epoch = absl::GetFlag(FLAGS_freeze_batch_norm) ? 0.0 : -1.0;
  train.learning_rate.base = absl::GetFlag(FLAGS_learning_rate);
  train.learning_rate.warmup_epochs = absl::GetFlag(FLAGS_warmup_epochs);
  train.optimizer.weight_decay = absl::GetFlag(FLAGS_weight_decay);
  PARE_ASSIGN_OR_RETURN(train.learning_rate.shape, training::parse_learning_rate_shape(absl::GetFlag(FLAGS_schedule)));
  PARE_ASSIGN_OR_RETURN(train.optimizer.kind, training::parse_optimizer_kind(absl::GetFlag(FLAGS_optimizer)));
  return job;
}

absl::StatusOr<nlohmann::ordered_json> run() {
  PARE_ASSIGN_OR_RETURN(const TrainingJob job, job_from_flags());
  return run_training(job);
}

int main_with_flags() {
  training::use_all_threads();
  return_to_users_folder();
  absl::StatusOr<nlohmann::ordered_json> results = run();
  if (!results.ok()) {
    std::cerr << "error: " << results.status().message() << "\n";
    return absl::IsCancelled(results.status()) ? kInterrupted : 1;
  }
  results->erase("statistics");
  std::cout << results->dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace pare::tools

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "trains a model with compression and exports it: bazel run //tools/train:TARGET -- --data_dir=DIR [flags]");
  absl::ParseCommandLine(argc, argv);
  return pare::tools::main_with_flags();
}
