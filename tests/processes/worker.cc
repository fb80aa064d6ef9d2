// tests/processes/worker.cc: one of the processes of these tests: `worker FOLDER [METHOD | scenario:NAME]`. Trains a
// small network with each method, with its part of every batch; process 0 writes each model's state, and what was
// measured, into the folder. Or goes through a scenario (scenarios.h).

#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "compression/all_methods.h"
#include "compression/create.h"
#include "config/compression_config.h"
#include "distributed/rendezvous.h"
#include "graph/state.h"
#include "nlohmann/json.hpp"
#include "tests/processes/methods.h"
#include "tests/processes/part_loader.h"
#include "tests/processes/scenarios.h"
#include "tools/common/open_model.h"
#include "training/trainer.h"

namespace pare::tests {
namespace {

absl::Status train(const Method& method, const std::shared_ptr<ProcessGroup>& group, const std::string& folder) {
  // Another start in each process: the first one's is to be taken.
  const uint64_t seed = group == nullptr ? 1 : 1 + group->rank();
  PARE_ASSIGN_OR_RETURN(const tools::OpenedModel opened,
                        tools::open_model("small_resnet", {1, 3, 32, 32}, {.seed = seed}));
  PARE_ASSIGN_OR_RETURN(
      const CompressionConfig config,
      CompressionConfig::parse_text(absl::StrCat("{\"compression\": ", method.compression, "}"), method.name));
  PARE_ASSIGN_OR_RETURN(const auto calibration, part_loader(data::Split::kTrain, group.get()));
  PARE_ASSIGN_OR_RETURN(const auto train_loader, part_loader(data::Split::kTrain, group.get()));
  PARE_ASSIGN_OR_RETURN(const auto eval_loader, part_loader(data::Split::kTest, group.get()));
  PARE_ASSIGN_OR_RETURN(const auto compression, create_compressed_model(opened.model, config,
                                                                        {.data_loader = calibration.get(),
                                                                         .process_group = group,
                                                                         .input_size = {{1, 3, 32, 32}}}));
  nlohmann::json measured;
  training::TrainOptions options;
  options.epochs = 3;
  options.learning_rate.base = 0.005;
  options.freeze_batch_norm_epoch = method.trains_batch_norm ? -1.0 : 0.0;
  options.allow_unfinished_schedule = true;
  options.max_gradient_norm = 5.0;
  options.progress.quiet = true;
  options.process_group = group.get();
  options.on_step = [&](const training::StepReport& step) { measured["losses"].push_back(step.loss); };
  PARE_ASSIGN_OR_RETURN(const training::TrainResult result,
                        training::Trainer(*compression, *train_loader, eval_loader.get(), options).run());
  if (group != nullptr && group->rank() != 0) return absl::OkStatus();
  measured["correct"] = result.last->correct;
  measured["total"] = result.last->total;
  measured["samples"] = result.epochs.back().steps;
  PARE_RETURN_IF_ERROR(write_file_atomically(absl::StrCat(folder, "/", method.name, ".json"), measured.dump()));
  return graph::save_state(*compression->model(), absl::StrCat(folder, "/", method.name, ".state"));
}

absl::Status run(const std::string& folder, const std::string& only) {
  register_all_methods();
  set_quiet(true);
  PARE_ASSIGN_OR_RETURN(const std::shared_ptr<ProcessGroup> group,
                        join_process_group({.timeout = std::chrono::seconds(60)}));
  if (absl::string_view scenario = only; absl::ConsumePrefix(&scenario, "scenario:")) {
    return run_scenario(std::string(scenario), group, folder);
  }
  for (const Method& method : kMethods) {
    if (!only.empty() && only != method.name) continue;
    const absl::Status status = train(method, group, folder);
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat(method.name, ": ", status.message()));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace pare::tests

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return 2;
  const absl::Status status = pare::tests::run(argv[1], argc == 3 ? argv[2] : "");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
