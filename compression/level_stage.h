// compression/level_stage.h: what methods share whose schedule is of a level: their stage and their compression rate.

#ifndef PARE_COMPRESSION_LEVEL_STAGE_H_
#define PARE_COMPRESSION_LEVEL_STAGE_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"
#include "compression/algorithm.h"
#include "schedulers/level_schedule.h"

namespace pare {

// FULLY_COMPRESSED at the target's level, where it is held or once frozen, UNCOMPRESSED at level 0, else
// PARTIALLY_COMPRESSED.
inline CompressionStage stage_of(const LevelSchedule& schedule) {
  constexpr double kRounding = 1e-9;
  if (schedule.held() || schedule.is_frozen() || schedule.level() >= schedule.target() - kRounding) {
    return CompressionStage::kFullyCompressed;
  }
  return schedule.level() <= 0 ? CompressionStage::kUncompressed : CompressionStage::kPartiallyCompressed;
}

// InvalidArgument unless `rate` is in [0, 1).
inline absl::Status check_rate(double rate, const AlgorithmConfig& config) {
  if (rate >= 0 && rate < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(config.path, ": the compression rate is ", rate, ", expected a number in [0, 1)"));
}

// set_compression_rate() of a method that follows its schedule by a listener.
inline absl::Status hold_rate(LevelSchedule& schedule, double rate, const AlgorithmConfig& config) {
  if (const absl::Status status = check_rate(rate, config); !status.ok()) return status;
  return guard_torch(config.path, [&] { schedule.hold(rate); });
}

}  // namespace pare

#endif  // PARE_COMPRESSION_LEVEL_STAGE_H_
