#include "tools/cli/default_config.h"

#include "nlohmann/json.hpp"

namespace pare::tools {

absl::StatusOr<CompressionConfig> default_quantization_config(const std::string& preset, int64_t samples) {
  const nlohmann::json initializer = {{"range", {{"num_init_samples", samples}}},
                                      {"batchnorm_adaptation", {{"num_bn_adaptation_samples", samples}}}};
  return CompressionConfig::parse(
      {{"compression", {{"algorithm", "quantization"}, {"preset", preset}, {"initializer", initializer}}}});
}

}  // namespace pare::tools
