#include "distributed/gather_json.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"

namespace pare {

absl::StatusOr<std::vector<nlohmann::json>> gather_json(ProcessGroup& group, const nlohmann::json& mine) {
  const std::vector<uint8_t> bytes = nlohmann::json::to_cbor(mine);
  PARE_ASSIGN_OR_RETURN(const std::vector<std::string> everyones,
                        group.gather_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  std::vector<nlohmann::json> result;
  for (const std::string& each : everyones) {
    result.push_back(nlohmann::json::from_cbor(each, /*strict=*/true, /*allow_exceptions=*/false));
    if (result.back().is_discarded()) return absl::InternalError("what another process has sent cannot be read");
  }
  return result;
}

}  // namespace pare
