// distributed/agree.h: whether all processes got through something that each did for itself.
//
//   absl::Status status = read_my_part();                       // of a disk that only this one may lack
//   PARE_RETURN_IF_ERROR(agree(group, status));                 // before the next exchange: all go on, or none
//
// A process that gave up alone would leave the others in an exchange that it does not take part in.

#ifndef PARE_DISTRIBUTED_AGREE_H_
#define PARE_DISTRIBUTED_AGREE_H_

#include "absl/status/status.h"
#include "distributed/process_group.h"

namespace pare {

// OK if it is in all; `mine` where that is an error; Aborted where it is one elsewhere. Alone (nullptr) it is `mine`.
// Collective; also the group's errors.
absl::Status agree(ProcessGroup* group, const absl::Status& mine);

}  // namespace pare

#endif  // PARE_DISTRIBUTED_AGREE_H_
