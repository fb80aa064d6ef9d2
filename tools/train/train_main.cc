// tools/train/train_main.cc: the program of the training targets: run_training() behind flags, whose values for a
// target stand in BUILD; what comes after `--` goes over them.

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "tools/common/cpu_memory.h"
#include "tools/common/device.h"
#include "tools/common/parse_numbers.h"
#include "tools/common/program.h"
#include "tools/train/run_training.h"
#include "training/threads.h"

ABSL_FLAG(std::string, model, "", "a TorchScript file with trained weights, or the name of a model of models/");
ABSL_FLAG(std::string, config, "", "the JSON config of the compression; empty: none");
ABSL_FLAG(std::string, backend, "", "the kernels: auto, cpu, vulkan, vulkan:DEVICE, ...; empty: the config's, or auto");
ABSL_FLAG(std::string, device, "cpu", "the device that the network runs on: cpu, cuda (the first GPU), cuda:N");
ABSL_FLAG(std::string, dataset, "cifar10", "cifar10, images, mnist or procedural");
ABSL_FLAG(std::string, data_dir, "", "where the data set is");
ABSL_FLAG(std::vector<std::string>, mean, {}, "of pixels from 0 to 1, a channel; unset: the data set's usual one");
ABSL_FLAG(std::vector<std::string>, std, {}, "standard deviation a channel; unset: the data set's usual one");
ABSL_FLAG(int64_t, image_size, 0, "the side that pictures of --dataset=images are brought to; 0: 224");
ABSL_FLAG(std::string, output_dir, "", "where results, checkpoints and the exported model go");
ABSL_FLAG(int64_t, epochs, 1, "epochs with compression");
ABSL_FLAG(int64_t, pretrain_epochs, 0, "epochs without compression before, for a model that has random weights");
ABSL_FLAG(double, pretrain_learning_rate, 0.1, "the greatest learning rate of these");
ABSL_FLAG(double, pretrain_weight_decay, 5e-4, "of weights in these");
ABSL_FLAG(int64_t, batch_size, 128, "images a step");
ABSL_FLAG(double, learning_rate, 0.01, "the greatest learning rate");
ABSL_FLAG(std::string, schedule, "cosine", "of the learning rate: constant, cosine, polynomial or step");
ABSL_FLAG(std::vector<std::string>, milestones, {},
          "of --schedule=step: the epochs after which the rate falls, rising");
ABSL_FLAG(double, gamma, 0.1, "of --schedule=step: what the rate is multiplied with at each milestone");
ABSL_FLAG(double, power, 1.0, "of --schedule=polynomial: the exponent");
ABSL_FLAG(double, warmup_epochs, 0.0, "epochs in which the learning rate rises");
ABSL_FLAG(std::string, optimizer, "sgd", "sgd, adam or adamw");
ABSL_FLAG(double, weight_decay, 1e-4, "of weights");
ABSL_FLAG(bool, freeze_batch_norm, true, "train with the batch norms' running statistics as they are");
ABSL_FLAG(bool, augment, true, "shift and mirror the training images");
ABSL_FLAG(int64_t, train_samples, 0, "train on the first so many images; 0: all");
ABSL_FLAG(int64_t, eval_samples, 0, "evaluate on the first so many images; 0: all");
ABSL_FLAG(uint64_t, seed, 0, "of order, augmentation, dropout, new models' weights and procedural images");
ABSL_FLAG(bool, allow_unfinished_schedule, false, "train fewer epochs than the config's schedule needs");
ABSL_FLAG(bool, resume, false, "go on from the last whole checkpoint in --output_dir");
ABSL_FLAG(int64_t, process_timeout_seconds, 300, "how long one of several processes waits for another");
ABSL_FLAG(int64_t, checkpoint_every, 0, "write a checkpoint every so many steps as well; 0: after epochs alone");
ABSL_FLAG(int64_t, keep_checkpoints, 2, "how many checkpoints to keep, the last one included");
ABSL_FLAG(bool, caching_allocator, true, "keep the memory of freed tensors for the next; false: LibTorch's allocator");
ABSL_FLAG(int64_t, cpu_memory_limit_mb, 0, "fail rather than hold more MiB of tensors than this; 0: no limit");
ABSL_FLAG(bool, quiet, false, "no progress on standard error");

namespace pare::tools {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kInterrupted = 130;  // what a shell reports of a program that Ctrl-C ended

// A target's config lies beside the program, which leaves that place for the user's.
void keep_config() {
  const std::string config = absl::GetFlag(FLAGS_config);
  std::error_code error;
  if (!config.empty() && std::filesystem::exists(config, error)) {
    absl::SetFlag(&FLAGS_config, std::filesystem::absolute(config, error).string());
  }
}

absl::StatusOr<TrainingJob> job_from_flags() {
  TrainingJob job;
  job.model = absl::GetFlag(FLAGS_model);
  job.config_path = absl::GetFlag(FLAGS_config);
  job.backend = absl::GetFlag(FLAGS_backend);
  PARE_ASSIGN_OR_RETURN(job.device, open_device(absl::GetFlag(FLAGS_device)));
  job.data.name = absl::GetFlag(FLAGS_dataset);
  job.data.dir = absl::GetFlag(FLAGS_data_dir);
  job.data.image_size = absl::GetFlag(FLAGS_image_size);
  job.data.seed = absl::GetFlag(FLAGS_seed);
  PARE_ASSIGN_OR_RETURN(job.data.mean, parse_numbers("mean", absl::GetFlag(FLAGS_mean)));
  PARE_ASSIGN_OR_RETURN(job.data.stddev, parse_numbers("std", absl::GetFlag(FLAGS_std)));
  if (job.data.mean.empty() != job.data.stddev.empty()) {
    return absl::InvalidArgumentError("--mean and --std go together: one of them is missing");
  }
  job.pretrain_epochs = absl::GetFlag(FLAGS_pretrain_epochs);
  job.pretrain_learning_rate = absl::GetFlag(FLAGS_pretrain_learning_rate);
  job.pretrain_weight_decay = absl::GetFlag(FLAGS_pretrain_weight_decay);
  job.batch_size = absl::GetFlag(FLAGS_batch_size);
  job.augment = absl::GetFlag(FLAGS_augment);
  job.train_samples = absl::GetFlag(FLAGS_train_samples);
  job.eval_samples = absl::GetFlag(FLAGS_eval_samples);
  job.quiet = absl::GetFlag(FLAGS_quiet);
  job.process_timeout_seconds = absl::GetFlag(FLAGS_process_timeout_seconds);
  training::TrainOptions& train = job.train;
  train.output_dir = absl::GetFlag(FLAGS_output_dir);
  train.epochs = absl::GetFlag(FLAGS_epochs);
  train.seed = absl::GetFlag(FLAGS_seed);
  train.resume = absl::GetFlag(FLAGS_resume);
  train.checkpoint_every_steps = absl::GetFlag(FLAGS_checkpoint_every);
  train.keep_checkpoints = absl::GetFlag(FLAGS_keep_checkpoints);
  train.allow_unfinished_schedule = absl::GetFlag(FLAGS_allow_unfinished_schedule);
  train.freeze_batch_norm_epoch = absl::GetFlag(FLAGS_freeze_batch_norm) ? 0.0 : -1.0;
  train.learning_rate.base = absl::GetFlag(FLAGS_learning_rate);
  train.learning_rate.warmup_epochs = absl::GetFlag(FLAGS_warmup_epochs);
  train.learning_rate.gamma = absl::GetFlag(FLAGS_gamma);
  train.learning_rate.power = absl::GetFlag(FLAGS_power);
  PARE_ASSIGN_OR_RETURN(train.learning_rate.milestones, parse_numbers("milestones", absl::GetFlag(FLAGS_milestones)));
  train.optimizer.weight_decay = absl::GetFlag(FLAGS_weight_decay);
  PARE_ASSIGN_OR_RETURN(train.learning_rate.shape, training::parse_learning_rate_shape(absl::GetFlag(FLAGS_schedule)));
  PARE_ASSIGN_OR_RETURN(train.optimizer.kind, training::parse_optimizer_kind(absl::GetFlag(FLAGS_optimizer)));
  return job;
}

absl::StatusOr<nlohmann::ordered_json> run() {
  PARE_RETURN_IF_ERROR(
      set_up_cpu_memory(absl::GetFlag(FLAGS_caching_allocator), absl::GetFlag(FLAGS_cpu_memory_limit_mb)));
  PARE_ASSIGN_OR_RETURN(const TrainingJob job, job_from_flags());
  return run_training(job);
}

int main_with_flags() {
  training::use_all_threads();
  keep_config();
  return_to_users_folder();
  absl::StatusOr<nlohmann::ordered_json> results = absl::UnknownError("");
  // What no call has caught below ends with a message, too.
  const absl::Status thrown = guard_torch("unexpected", [&] { results = run(); });
  const absl::Status status = thrown.ok() ? results.status() : thrown;
  if (!status.ok()) {
    std::cerr << "error: " << status.message() << "\n";
    return absl::IsCancelled(status) ? kInterrupted : kFailed;
  }
  if (results->is_null()) return 0;  // process 0 tells
  results->erase("statistics");
  // A file name need not be UTF-8.
  std::cout << results->dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << std::endl;
  if (std::cout) return 0;
  std::cerr << "error: the results could not be written to standard output\n";
  return kFailed;
}

}  // namespace
}  // namespace pare::tools

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "trains a model with compression and exports it: bazel run //tools/train:TARGET -- --data_dir=DIR [flags]");
  pare::tools::start_program();
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  if (words.size() > 1) {
    std::cerr << "error: what is '" << words[1] << "'? This program takes flags only; see --help\n";
    return pare::tools::kWrongUsage;
  }
  return pare::tools::main_with_flags();
}
