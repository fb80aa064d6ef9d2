// compression/level_stage.h: how far a method has come whose schedule is of a level.

#ifndef PARE_COMPRESSION_LEVEL_STAGE_H_
#define PARE_COMPRESSION_LEVEL_STAGE_H_

#include "compression/algorithm.h"
#include "schedulers/level_schedule.h"

namespace pare {

// FULLY_COMPRESSED at the target's level or once frozen, UNCOMPRESSED at level 0, else PARTIALLY_COMPRESSED.
inline CompressionStage stage_of(const LevelSchedule& schedule) {
  constexpr double kRounding = 1e-9;
  if (schedule.is_frozen() || schedule.level() >= schedule.target() - kRounding) {
    return CompressionStage::kFullyCompressed;
  }
  return schedule.level() <= 0 ? CompressionStage::kUncompressed : CompressionStage::kPartiallyCompressed;
}

}  // namespace pare

#endif  // PARE_COMPRESSION_LEVEL_STAGE_H_
