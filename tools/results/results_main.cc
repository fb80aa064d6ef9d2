// tools/results/results_main.cc: trains and measures all experiments of a file on one network, and writes a table:
//
//   bazel run //tools/results -- --model=resnet20.pt --dataset=cifar10 --data_dir=DIR --output_dir=out
//
// An experiment that has its results.json in the output folder is not run again, so that the program can be interrupted
// and called once more; remove an experiment's folder to repeat it.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "tools/common/cpu_memory.h"
#include "tools/common/device.h"
#include "tools/common/program.h"
#include "tools/results/experiments.h"
#include "tools/train/run_training.h"
#include "training/threads.h"

ABSL_FLAG(std::string, experiments, "tools/results/experiments.json", "what to measure");
ABSL_FLAG(std::vector<std::string>, only, {}, "names of experiments; empty: all");
ABSL_FLAG(std::string, model, "", "a TorchScript file with trained weights");
ABSL_FLAG(std::string, dataset, "cifar10", "cifar10, images, mnist or procedural");
ABSL_FLAG(std::string, data_dir, "", "where the data set is");
ABSL_FLAG(std::string, output_dir, "", "where each experiment gets a folder, and results.md goes");
ABSL_FLAG(int64_t, batch_size, 128, "images a step");
ABSL_FLAG(uint64_t, seed, 0, "of order and augmentation");
ABSL_FLAG(std::string, device, "cpu", "the device that the network runs on: cpu, cuda (the first GPU), cuda:N");

namespace pare::tools {
namespace {

TrainingJob job_of(const Experiment& experiment, c10::Device device, const std::string& folder) {
  TrainingJob job;
  job.device = device;
  job.model = absl::GetFlag(FLAGS_model);
  job.data.name = absl::GetFlag(FLAGS_dataset);
  job.data.dir = absl::GetFlag(FLAGS_data_dir);
  job.config_path = experiment.config;
  job.batch_size = absl::GetFlag(FLAGS_batch_size);
  job.train.epochs = experiment.epochs;
  job.train.learning_rate.base = experiment.learning_rate;
  job.train.seed = job.data.seed = absl::GetFlag(FLAGS_seed);
  job.train.output_dir = folder;
  job.train.resume = true;
  job.compare_speed = true;
  job.train.freeze_batch_norm_epoch = experiment.freeze_batch_norm ? 0 : -1;
  job.train.optimizer.weight_decay = experiment.weight_decay;
  return job;
}

absl::StatusOr<nlohmann::ordered_json> outcome_of(const Experiment& experiment, c10::Device device,
                                                  const std::string& folder) {
  const std::string file = folder + "/results.json";
  if (const absl::StatusOr<std::string> text = read_file(file); text.ok()) {
    auto results = nlohmann::ordered_json::parse(*text, nullptr, /*allow_exceptions=*/false);
    if (results.is_object()) return results;
  }
  log_info(absl::StrCat("experiment ", experiment.name, ": ", experiment.title));
  TrainingJob job = job_of(experiment, device, folder);
  PARE_ASSIGN_OR_RETURN(job.train.optimizer.kind, training::parse_optimizer_kind(experiment.optimizer));
  return run_training(job);
}

// The file of this repository lies beside the program, which leaves that place for the user's.
void keep_experiments() {
  const std::string path = absl::GetFlag(FLAGS_experiments);
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    absl::SetFlag(&FLAGS_experiments, std::filesystem::absolute(path, error).string());
  }
}

absl::Status run() {
  PARE_RETURN_IF_ERROR(set_up_cpu_memory(/*caching_allocator=*/true, 0));
  const std::string output_dir = absl::GetFlag(FLAGS_output_dir);
  if (output_dir.empty() || absl::GetFlag(FLAGS_model).empty()) {
    return absl::InvalidArgumentError("--model and --output_dir are needed; see --help");
  }
  PARE_ASSIGN_OR_RETURN(const c10::Device device, open_device(absl::GetFlag(FLAGS_device)));
  PARE_ASSIGN_OR_RETURN(const std::vector<Experiment> all, read_experiments(absl::GetFlag(FLAGS_experiments)));
  const std::vector<std::string> only = absl::GetFlag(FLAGS_only);
  for (const std::string& name : only) {
    const bool exists =
        std::any_of(all.begin(), all.end(), [&](const Experiment& experiment) { return experiment.name == name; });
    if (!exists) return absl::NotFoundError(absl::StrCat("--only: there is no experiment \"", name, "\""));
  }
  std::error_code ignored;
  std::filesystem::create_directories(output_dir, ignored);
  std::vector<Outcome> outcomes;
  for (const Experiment& experiment : all) {
    if (!only.empty() && std::find(only.begin(), only.end(), experiment.name) == only.end()) continue;
    Outcome outcome{experiment, {}};
    PARE_ASSIGN_OR_RETURN(outcome.results,
                          outcome_of(experiment, device, absl::StrCat(output_dir, "/", experiment.name)));
    outcomes.push_back(std::move(outcome));
    // After each: what is measured is not lost with what comes later.
    PARE_RETURN_IF_ERROR(write_file_atomically(output_dir + "/results.md", results_table(outcomes)));
  }
  std::cout << results_table(outcomes);
  return absl::OkStatus();
}

}  // namespace
}  // namespace pare::tools

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "trains and measures every method on one network: --model=FILE --output_dir=DIR [flags]");
  pare::tools::start_program();
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  if (words.size() > 1) {
    std::cerr << "error: what is '" << words[1] << "'? This program takes flags only; see --help\n";
    return 2;
  }
  pare::training::use_all_threads();
  pare::tools::keep_experiments();
  pare::tools::return_to_users_folder();
  absl::Status status;
  const absl::Status thrown = pare::guard_torch("unexpected", [&] { status = pare::tools::run(); });
  if (!thrown.ok()) status = thrown;
  if (status.ok()) return 0;
  std::cerr << "error: " << status.message() << "\n";
  return absl::IsCancelled(status) ? 130 : 1;
}
