#include "tests/processes/scenarios.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "compression/create.h"
#include "config/compression_config.h"
#include "graph/state.h"
#include "nlohmann/json.hpp"
#include "tests/processes/part_loader.h"
#include "tools/common/open_model.h"
#include "training/accuracy_aware.h"
#include "training/trainer.h"

namespace pare::tests {
namespace {

class Breaks : public data::DataLoader {
 public:
  Breaks(data::DataLoader& loader, bool breaks) : loader_(loader), breaks_(breaks) {}
  absl::Status start_epoch(int64_t epoch) override { return loader_.start_epoch(epoch); }
  absl::StatusOr<std::optional<data::Batch>> next() override {
    if (breaks_ && ++batches_ == 2) return absl::DataLossError("picture 7 is damaged");
    return loader_.next();
  }
  int64_t num_batches() const override { return loader_.num_batches(); }
  int64_t num_samples() const override { return loader_.num_samples(); }
  int64_t batch_size() const override { return loader_.batch_size(); }

 private:
  data::DataLoader& loader_;
  bool breaks_;
  int64_t batches_ = 0;
};

training::TrainOptions options_of(ProcessGroup* group) {
  training::TrainOptions options;
  options.epochs = 2;
  options.learning_rate.base = 0.005;
  options.allow_unfinished_schedule = true;
  options.progress.quiet = true;
  options.process_group = group;
  return options;
}

absl::StatusOr<nlohmann::json> accuracy_aware(CompressionAlgorithm& compression, data::DataLoader& loader,
                                              ProcessGroup* group, const std::string& folder) {
  training::TrainOptions options = options_of(group);
  options.freeze_batch_norm_epoch = 0.0;
  options.output_dir = folder + "/out";
  // Rates up to a half are within the budget, by what process 0 says; by what another does, up to more.
  const double own = group == nullptr ? 0.0 : 0.05 * group->rank();
  const auto evaluate = [&](graph::Model&) -> absl::StatusOr<double> {
    PARE_ASSIGN_OR_RETURN(const double rate, compression.compression_rate());
    return 1.0 - 0.2 * rate + own;
  };
  training::AccuracyAwareTraining training(compression, loader, nullptr, options,
                                           {.mode = AccuracyAwareMode::kAdaptiveCompressionLevel,
                                            .maximal_absolute_degradation = 0.1,
                                            .maximal_total_epochs = 6,
                                            .initial_training_phase_epochs = 2,
                                            .patience_epochs = 1},
                                           1.0, evaluate);
  PARE_ASSIGN_OR_RETURN(const training::AccuracyAwareResult result, training.run());
  return nlohmann::json{{"is_budget_met", result.is_budget_met},
                        {"epoch", result.best.epoch},
                        {"accuracy", result.best.accuracy},
                        {"rate", result.best.compression_rate.value_or(-1.0)},
                        {"epochs", result.training.num_epochs}};
}

absl::StatusOr<nlohmann::json> scenario(const std::string& name, const std::shared_ptr<ProcessGroup>& group,
                                        const std::string& folder, std::shared_ptr<graph::Model>& model) {
  PARE_ASSIGN_OR_RETURN(const tools::OpenedModel opened,
                        tools::open_model("small_resnet", {1, 3, 32, 32}, {.seed = 1}));
  model = opened.model;
  PARE_ASSIGN_OR_RETURN(const CompressionConfig config, CompressionConfig::parse_text(
                                                            R"({"compression": {"algorithm": "magnitude_sparsity",
                 "params": {"sparsity_target": 0.6, "sparsity_target_epoch": 1}}})",
                                                            name));
  PARE_ASSIGN_OR_RETURN(const auto loader, part_loader(data::Split::kTrain, group.get()));
  PARE_ASSIGN_OR_RETURN(
      const auto compression,
      create_compressed_model(opened.model, config,
                              {.data_loader = loader.get(), .process_group = group, .input_size = {{1, 3, 32, 32}}}));
  if (name == "accuracy_aware") return accuracy_aware(*compression, *loader, group.get(), folder);
  training::TrainOptions options = options_of(group.get());
  if (name == "own_statistics") {
    options.synchronize_batch_norm = false;
    PARE_RETURN_IF_ERROR(training::Trainer(*compression, *loader, nullptr, options).run().status());
    return nlohmann::json::object();
  }
  if (name == "broken_loader") {
    Breaks broken(*loader, group != nullptr && group->rank() == 1);
    PARE_RETURN_IF_ERROR(training::Trainer(*compression, broken, nullptr, options).run().status());
    return nlohmann::json::object();
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no scenario ", name));
}

}  // namespace

absl::Status run_scenario(const std::string& name, const std::shared_ptr<ProcessGroup>& group,
                          const std::string& folder) {
  std::shared_ptr<graph::Model> model;
  const absl::StatusOr<nlohmann::json> result = scenario(name, group, folder, model);
  const std::string path = absl::StrCat(folder, "/", group == nullptr ? 0 : group->rank());
  nlohmann::json seen = result.ok() ? *result : nlohmann::json::object();
  seen["error"] = result.status().ToString();
  PARE_RETURN_IF_ERROR(write_file_atomically(path + ".json", seen.dump()));
  PARE_RETURN_IF_ERROR(result.status());
  return graph::save_state(*model, path + ".state");
}

}  // namespace pare::tests
