#include "training/compressed_model.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/create.h"
#include "config/compression_config.h"

namespace pare::training {
namespace {

absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> make_methods(const Checkpoint& checkpoint,
                                                                   std::shared_ptr<graph::Model> network) {
  nlohmann::json config;
  InputSize input_size;
  PARE_RETURN_IF_ERROR(guard_torch("unexpected content", [&] {
    config = checkpoint.compression.at("config");
    checkpoint.compression.at("input_size").get_to(input_size);
  }));
  if (config.is_null())
    return std::make_unique<CompressionAlgorithm>(std::move(network), AlgorithmConfig{}, input_size);
  PARE_ASSIGN_OR_RETURN(CompressionConfig parsed, CompressionConfig::parse(config));
  // The kernels that a training ran on need not be here.
  parsed.backend = "auto";
  return create_compressed_model(std::move(network), parsed, {.input_size = input_size});
}

}  // namespace

absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> make_compressed_model(const Checkpoint& checkpoint,
                                                                            const std::string& path,
                                                                            std::shared_ptr<graph::Model> network) {
  if (network == nullptr) return absl::InvalidArgumentError("there is no network to compress: the pointer is null");
  absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> methods = make_methods(checkpoint, std::move(network));
  if (!methods.ok()) {
    return absl::Status(methods.status().code(), absl::StrCat(path, ": ", methods.status().message()));
  }
  if (const absl::Status status = restore(checkpoint, **methods); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message(),
                                                    ". The network has to be the one that was compressed"));
  }
  (*methods)->model()->eval();
  return methods;
}

absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> load_compressed_model(const std::string& path,
                                                                            std::shared_ptr<graph::Model> network) {
  PARE_ASSIGN_OR_RETURN(const Checkpoint checkpoint, load_checkpoint(path));
  return make_compressed_model(checkpoint, path, std::move(network));
}

}  // namespace pare::training
