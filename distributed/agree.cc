#include "distributed/agree.h"

#include "base/status_macros.h"

namespace pare {

absl::Status agree(ProcessGroup* group, const absl::Status& mine) {
  if (!is_distributed(group)) return mine;
  double failures = mine.ok() ? 0.0 : 1.0;
  const absl::Status exchanged = group->reduce_numbers(absl::MakeSpan(&failures, 1), Reduction::kSum);
  if (!mine.ok()) return mine;
  PARE_RETURN_IF_ERROR(exchanged);
  if (failures == 0.0) return absl::OkStatus();
  return absl::AbortedError("another process could not do its part, and says why");
}

}  // namespace pare
