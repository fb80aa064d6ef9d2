// tests/processes/part_loader.h: the data that the processes of these tests share.

#ifndef PARE_TESTS_PROCESSES_PART_LOADER_H_
#define PARE_TESTS_PROCESSES_PART_LOADER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "data/dataset.h"
#include "data/image_loader.h"
#include "distributed/process_group.h"

namespace pare::tests {

// This process's part of 58 drawn images in batches of 16, shuffled, the last one of 10 shared in unequal parts; or, of
// those to evaluate with, of 30.
absl::StatusOr<std::unique_ptr<data::ImageLoader>> part_loader(data::Split split, ProcessGroup* group);

}  // namespace pare::tests

#endif  // PARE_TESTS_PROCESSES_PART_LOADER_H_
