// distributed/free_port.h: a TCP port of this machine that nobody uses now.
//
//   PARE_ASSIGN_OR_RETURN(uint16_t port, free_port());

#ifndef PARE_DISTRIBUTED_FREE_PORT_H_
#define PARE_DISTRIBUTED_FREE_PORT_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace pare {

// The system's choice. Another program may take it before the caller does. ResourceExhausted where there is none.
absl::StatusOr<uint16_t> free_port();

}  // namespace pare

#endif  // PARE_DISTRIBUTED_FREE_PORT_H_
