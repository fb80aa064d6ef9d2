#include "tools/cli/inspect_command.h"

#include <ATen/ops/zeros.h>

#include <map>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/create.h"
#include "graph/profile.h"
#include "statistics/statistics.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/default_config.h"
#include "tools/cli/flags.h"
#include "tools/cli/transform_table.h"
#include "tools/cli/usage_error.h"
#include "tools/common/open_model.h"

namespace pare::tools {

namespace {

absl::StatusOr<CommandResult> run_inspect(const std::vector<std::string>& arguments) {
  PARE_ASSIGN_OR_RETURN(std::vector<int64_t> input_shape, input_shape_from_flags());
  PARE_ASSIGN_OR_RETURN(const c10::Device device, device_from_flag());
  PARE_ASSIGN_OR_RETURN(const OpenedModel opened, open_model(arguments[0], input_shape, {}));
  PARE_RETURN_IF_ERROR(opened.model->to(device));
  if (input_shape.empty()) input_shape = opened.input_shape;
  if (input_shape.empty()) {
    return usage_error("--input_shape is missing, for example --input_shape=1,3,224,224");
  }
  PARE_ASSIGN_OR_RETURN(const at::Tensor zeros,
                        guard_torch("an input of --input_shape", [&] { return at::zeros(input_shape, device); }));
  const std::vector<at::Tensor> inputs = {zeros};
  PARE_ASSIGN_OR_RETURN(const graph::ModelProfile profile, graph::profile_model(*opened.model, inputs));

  Statistics statistics;
  Table& layers = statistics.table("layers", {"layer", "operator", "output", "parameters", "MFLOPs"});
  for (const graph::NodeProfile& entry : profile.nodes) {
    layers.add_row({entry.node->scope(), entry.node->op(), absl::StrJoin(entry.output_shape, "x"), entry.parameters,
                    static_cast<double>(entry.flops) / 1e6});
  }
  statistics.set("parameters", profile.parameters);
  statistics.set("MFLOPs", static_cast<double>(profile.flops) / 1e6);

  // Where INT8 quantizers would go, by what create_compressed_model() does to the graph.
  PARE_ASSIGN_OR_RETURN(const CompressionConfig config, default_quantization_config(absl::GetFlag(FLAGS_preset), 1));
  const absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> compression =
      create_compressed_model(opened.model, config, {.input_size = {input_shape}});
  if (compression.ok()) {
    add_transform_table(opened.model->graph(), statistics);
  } else if (!absl::IsFailedPrecondition(compression.status())) {
    return compression.status();
  } else {
    // There is nothing in the model that can be quantized.
    statistics.set("quantizers", absl::StrCat("none: ", std::string(compression.status().message())));
  }
  return CommandResult{statistics.to_text(), statistics.to_json()};
}

}  // namespace

Command inspect_command() {
  return {.name = "inspect",
          .arguments = "MODEL",
          .min_arguments = 1,
          .max_arguments = 1,
          .summary = "layers, shapes, parameters, FLOPs, and where quantizers would go",
          .description =
              "Runs the model once on zeros of --input_shape and lists its operators in the order of execution,\n"
              "with what they cost, and the quantizers that INT8 quantization would insert.",
          .examples = {"inspect resnet20.pt --input_shape=1,3,32,32", "inspect mobilenet_v2 --json"},
          .flags = {"input_shape", "preset", "device"},
          .run = run_inspect};
}

}  // namespace pare::tools
