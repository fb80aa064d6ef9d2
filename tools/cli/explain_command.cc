#include "tools/cli/explain_command.h"

#include "absl/flags/flag.h"
#include "base/status_macros.h"
#include "compression/create.h"
#include "statistics/statistics.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/flags.h"
#include "tools/cli/transform_table.h"
#include "tools/common/open_model.h"

namespace pare::tools {

namespace {

absl::StatusOr<CommandResult> run_explain(const std::vector<std::string>& arguments) {
  PARE_RETURN_IF_ERROR(require_flag(FLAGS_model, ""));
  const std::string name = absl::GetFlag(FLAGS_model);
  PARE_ASSIGN_OR_RETURN(std::vector<int64_t> input_shape, input_shape_from_flags());
  PARE_ASSIGN_OR_RETURN(const CompressionConfig config, CompressionConfig::load(arguments[0]));
  if (input_shape.empty() && !config.input_info.empty()) input_shape = config.input_info[0].sample_size;
  PARE_ASSIGN_OR_RETURN(const OpenedModel opened, open_model(name, input_shape, {}));
  if (input_shape.empty()) input_shape = opened.input_shape;
  CreateOptions options;
  if (!input_shape.empty()) options.input_size = {input_shape};
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<CompressionAlgorithm> compression,
                        create_compressed_model(opened.model, config, options));
  Statistics statistics;
  Table& algorithms =
      statistics.table("algorithms", {"algorithm", "config", "device", "ignored scopes", "target scopes"});
  for (const AlgorithmConfig& each : config.algorithms) {
    algorithms.add_row({each.name, each.path, each.target_device, static_cast<int64_t>(each.ignored_scopes.size()),
                        static_cast<int64_t>(each.target_scopes.size())});
  }
  add_transform_table(opened.model->graph(), statistics);
  statistics.child("statistics").merge(compression->statistics());
  return CommandResult{statistics.to_text(), statistics.to_json()};
}

}  // namespace

Command explain_command() {
  return {.name = "explain-config",
          .arguments = "CONFIG.json",
          .min_arguments = 1,
          .max_arguments = 1,
          .summary = "what a config would do to which layer of a model",
          .description =
              "Applies a compression config to --model, without data and without training, and lists what it\n"
              "puts where. A mistake in the config is shown with its place and the nearest right key.",
          .examples = {"explain-config int8.json --model=resnet20.pt",
                       "explain-config int8.json --model=mobilenet_v2 --input_shape=1,3,32,32 --json"},
          .flags = {"model", "input_shape"},
          .run = run_explain};
}

}  // namespace pare::tools
