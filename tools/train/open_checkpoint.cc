#include "tools/train/open_checkpoint.h"

#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "tools/common/open_model.h"
#include "tools/train/training_settings.h"
#include "training/compressed_model.h"
#include "training/output_folder.h"

namespace pare::tools {
namespace {

absl::StatusOr<NetworkSource> source_of(const training::Checkpoint& checkpoint, const std::string& path,
                                        const std::string& network) {
  NetworkSource source;
  if (checkpoint.source.is_object()) {
    PARE_RETURN_IF_ERROR(guard_torch(absl::StrCat(path, ": unexpected content"), [&] {
      checkpoint.source.at("model").get_to(source.model);
      checkpoint.source.at("identity").get_to(source.identity);
      checkpoint.source.at("input_size").get_to(source.input_size);
      checkpoint.source.at("num_classes").get_to(source.num_classes);
    }));
  }
  if (network.empty()) return source;
  source.model = network;
  return source;
}

}  // namespace

bool is_checkpoint_name(const std::string& name) { return absl::EndsWith(name, training::kCheckpointSuffix); }

nlohmann::json to_json(const NetworkSource& source) {
  std::error_code error;
  const bool is_file = is_model_file(source.model);
  // Whoever loads it may stand in another folder.
  const std::string model = is_file ? std::filesystem::absolute(source.model, error).string() : source.model;
  return {{"model", model},
          {"identity", source.identity},
          {"input_size", source.input_size},
          {"num_classes", source.num_classes}};
}

absl::StatusOr<OpenedCheckpoint> open_checkpoint(const std::string& path, const std::string& network) {
  PARE_ASSIGN_OR_RETURN(const training::Checkpoint checkpoint, training::load_checkpoint(path));
  PARE_ASSIGN_OR_RETURN(const NetworkSource source, source_of(checkpoint, path, network));
  if (source.model.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " does not say which network was compressed: give it with --model"));
  }
  const absl::StatusOr<OpenedModel> opened =
      open_model(source.model, source.input_size, {.num_classes = source.num_classes});
  if (!opened.ok()) {
    return absl::Status(opened.status().code(), absl::StrCat(path, ": the network that was compressed, ", source.model,
                                                             ", cannot be opened: ", opened.status().message(),
                                                             network.empty() ? "; give it with --model" : ""));
  }
  PARE_ASSIGN_OR_RETURN(const std::string identity, model_identity(source.model));
  if (!source.identity.empty() && identity != source.identity) {
    log_warning(absl::StrCat(source.model, " is not the same file as was compressed into ", path,
                             ": the weights are the checkpoint's, but the structure has to be the same"));
  }
  OpenedCheckpoint result;
  PARE_ASSIGN_OR_RETURN(result.compression, training::make_compressed_model(checkpoint, path, opened->model));
  result.input_shape = source.input_size.empty() ? opened->input_shape : source.input_size;
  result.network = source.model;
  return result;
}

}  // namespace pare::tools
