// tools/cli/cli_data.h: what the data flags of the command line say.

#ifndef PARE_TOOLS_CLI_CLI_DATA_H_
#define PARE_TOOLS_CLI_CLI_DATA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/common/open_data.h"

namespace pare::tools {

// --dataset, --data_dir, --mean, --std, --image_size. InvalidArgument naming the flag that is missing or no number.
absl::StatusOr<DataSource> data_source_from_flags();

// --input_shape: empty if it is not given. InvalidArgument unless all its numbers are positive.
absl::StatusOr<std::vector<int64_t>> input_shape_from_flags();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_CLI_DATA_H_
