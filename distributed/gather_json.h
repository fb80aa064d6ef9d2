// distributed/gather_json.h: what every process has to say, in each.
//
//   PARE_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> everyones, gather_json(*group, {{"count", 3}}));
//   everyones[group->rank()] == mine
//
// Numbers keep their bits, but NaN and infinities, which JSON does not have: they become null.

#ifndef PARE_DISTRIBUTED_GATHER_JSON_H_
#define PARE_DISTRIBUTED_GATHER_JSON_H_

#include <vector>

#include "absl/status/statusor.h"
#include "distributed/process_group.h"
#include "nlohmann/json.hpp"

namespace pare {

// By rank. Errors: the group's.
absl::StatusOr<std::vector<nlohmann::json>> gather_json(ProcessGroup& group, const nlohmann::json& mine);

}  // namespace pare

#endif  // PARE_DISTRIBUTED_GATHER_JSON_H_
