#include "tools/cli/export_command.h"

#include <filesystem>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/flags.h"
#include "tools/train/open_checkpoint.h"

namespace pare::tools {

namespace {

absl::StatusOr<CommandResult> run_export(const std::vector<std::string>& arguments) {
  PARE_RETURN_IF_ERROR(require_flag(FLAGS_output, "OUT.onnx or OUT.pt"));
  const std::string output = absl::GetFlag(FLAGS_output);
  PARE_ASSIGN_OR_RETURN(const OpenedCheckpoint opened, open_checkpoint(arguments[0], absl::GetFlag(FLAGS_model)));
  const CompressionStage stage = opened.compression->stage();
  PARE_RETURN_IF_ERROR(opened.compression->export_model(output));
  std::error_code error;
  const int64_t bytes = static_cast<int64_t>(std::filesystem::file_size(output, error));
  if (error) return absl::InternalError(absl::StrCat(output, " was written and cannot be found: ", error.message()));
  CommandResult result;
  result.json = {{"checkpoint", arguments[0]},
                 {"model", opened.network},
                 {"stage", to_string(stage)},
                 {"output", output},
                 {"bytes", bytes}};
  result.text = absl::StrCat("written to ", output, ": ", bytes, " bytes, ", to_string(stage), "\n");
  return result;
}

}  // namespace

Command export_command() {
  return {.name = "export",
          .arguments = "CHECKPOINT",
          .min_arguments = 1,
          .max_arguments = 1,
          .summary = "a training's checkpoint as a model file",
          .description =
              "Makes the compressed model of a checkpoint (OUT/best.checkpoint, OUT/last.checkpoint) and writes it.\n"
              "The checkpoint holds the config. The network that was compressed is taken from where it was;\n"
              "--model names it where that has changed.",
          .examples = {"export out/best.checkpoint --output=best.onnx",
                       "export out/best.checkpoint --model=moved/resnet20.pt --output=best.onnx"},
          .flags = {"output", "model"},
          .run = run_export};
}

}  // namespace pare::tools
