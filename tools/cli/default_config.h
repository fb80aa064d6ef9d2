// tools/cli/default_config.h: the config that `pare quantize` uses when it is given none.

#ifndef PARE_TOOLS_CLI_DEFAULT_CONFIG_H_
#define PARE_TOOLS_CLI_DEFAULT_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "config/compression_config.h"

namespace pare::tools {

// INT8 quantization with this preset ("mixed" or "performance"), its ranges and batch norms from `samples` samples.
absl::StatusOr<CompressionConfig> default_quantization_config(const std::string& preset, int64_t samples);

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_DEFAULT_CONFIG_H_
