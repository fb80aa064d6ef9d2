// base/steady_time.h: moments of a clock that never jumps, for durations and deadlines.
//
//   const absl::Time deadline = steady_now() + absl::Seconds(30);
//   while (steady_now() < deadline) { ... }
//
// The time of day (absl::Now()) is set by people and by the network, forwards and backwards. These moments are only
// good to be compared with each other, in one process.

#ifndef PARE_BASE_STEADY_TIME_H_
#define PARE_BASE_STEADY_TIME_H_

#include <chrono>

#include "absl/time/time.h"

namespace pare {

inline absl::Time steady_now() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace pare

#endif  // PARE_BASE_STEADY_TIME_H_
