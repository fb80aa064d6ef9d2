#include "compression/create.h"

#include <set>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "backends/registry.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "compression/composite.h"
#include "compression/registry.h"
#include "distributed/share_model.h"
#include "ops/kernel_choice.h"

namespace pare {

namespace {

absl::Status check_finite(const graph::Model& model) {
  std::vector<std::string> names = model.non_finite_tensors();
  if (names.empty()) return absl::OkStatus();
  constexpr size_t kMaxListed = 5;
  const size_t more = names.size() > kMaxListed ? names.size() - kMaxListed : 0;
  names.resize(names.size() - more);
  return absl::InvalidArgumentError(
      absl::StrCat("the model holds a NaN or an infinity in ", absl::StrJoin(names, ", "),
                   more == 0 ? "" : absl::StrCat(" and ", more, " more"),
                   "; a model that has diverged cannot be compressed: take an earlier checkpoint"));
}

absl::StatusOr<InputSize> input_size_of(const graph::Model& model, const CompressionConfig& config,
                                        const CreateOptions& options) {
  InputSize input_size = options.input_size;
  if (input_size.empty()) {
    for (const InputInfo& info : config.input_info) input_size.push_back(info.sample_size);
  }
  const std::string where = options.input_size.empty() ? "$.input_info" : "input_size";
  const size_t num_inputs = model.graph().inputs().size();
  if (input_size.empty()) {
    return absl::InvalidArgumentError(
        "the shapes of the model's inputs are not known; give them in the config, as \"input_info\": {\"sample_size\": "
        "[1, 3, 224, 224]}, or as input_size");
  }
  if (input_size.size() != num_inputs) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expected the shapes of the model's ", num_inputs, " inputs, found ", input_size.size()));
  }
  for (size_t i = 0; i < input_size.size(); ++i) {
    for (const int64_t size : input_size[i]) {
      if (size >= 1) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(where, "[", i, "]: the shape [", absl::StrJoin(input_size[i], ", "),
                       "] holds a size below 1; expected the batch first, then the rest"));
    }
  }
  return input_size;
}

// "auto" leaves the choice of the process, which a flag may have made.
absl::Status choose_backend(const CompressionConfig& config) {
  if (config.backend == backends::kAutoBackend) return absl::OkStatus();
  const absl::Status status = ops::set_kernel_backend(config.backend).status();
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("$.backend: ", status.message()));
}

void warn_of_unused_keys(const CompressionConfig& config) {
  if (config.log_dir.empty()) return;
  log_warning("$.log_dir is accepted and has no effect: no method writes files of its own");
}

}  // namespace

absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> create_compressed_model(std::shared_ptr<graph::Model> model,
                                                                              const CompressionConfig& config,
                                                                              const CreateOptions& options) {
  if (model == nullptr) return absl::InvalidArgumentError("there is no model to compress: the pointer is null");
  if (config.algorithms.empty()) {
    return absl::InvalidArgumentError(
        "the config names no compression method; expected \"compression\": {\"algorithm\": \"quantization\"} or the "
        "like");
  }
  PARE_ASSIGN_OR_RETURN(const InputSize input_size, input_size_of(*model, config, options));
  for (const AlgorithmConfig& algorithm : config.algorithms) PARE_RETURN_IF_ERROR(check_registered(algorithm));
  PARE_RETURN_IF_ERROR(check_finite(*model));
  PARE_RETURN_IF_ERROR(choose_backend(config));
  warn_of_unused_keys(config);

  const bool is_shared = is_distributed(options.process_group.get());
  if (is_shared) PARE_RETURN_IF_ERROR(share_model(*options.process_group, *model));
  const bool was_training = model->is_training();
  const absl::Cleanup restore_mode = [model, was_training] { model->train(was_training); };
  model->eval();

  std::vector<std::unique_ptr<CompressionAlgorithm>> algorithms;
  for (const AlgorithmConfig& algorithm_config : config.algorithms) {
    const std::vector<graph::Value*> before = model->graph().parameters();
    const std::set<graph::Value*> known(before.begin(), before.end());
    PARE_ASSIGN_OR_RETURN(auto algorithm, make_algorithm(model, algorithm_config, input_size));
    if (algorithm == nullptr) {
      return absl::InternalError(absl::StrCat(algorithm_config.path, ": the method \"", algorithm_config.name,
                                              "\" has been made without an error, but is null"));
    }
    std::vector<graph::Value*> added;
    for (graph::Value* parameter : model->graph().parameters()) {
      if (known.count(parameter) == 0) added.push_back(parameter);
    }
    algorithm->set_own_parameters(std::move(added));
    algorithms.push_back(std::move(algorithm));
  }
  std::unique_ptr<CompressionAlgorithm> result =
      algorithms.size() == 1 ? std::move(algorithms[0]) : std::make_unique<CompositeAlgorithm>(std::move(algorithms));
  result->set_source_config(config.source);
  if (is_shared) PARE_RETURN_IF_ERROR(result->distributed(options.process_group));
  if (options.data_loader != nullptr) PARE_RETURN_IF_ERROR(result->initialize(*options.data_loader));
  result->scale_gradients();
  return result;
}

}  // namespace pare
