// tools/cli/cli_data.h: what the flags of the command line say. Errors are usage errors (tools/cli/usage_error.h).

#ifndef PARE_TOOLS_CLI_CLI_DATA_H_
#define PARE_TOOLS_CLI_CLI_DATA_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/statusor.h"
#include "tools/common/open_data.h"

namespace pare::tools {

// An error unless the flag is given; `hint`, which may be empty, tells what with.
absl::Status require_flag(const absl::Flag<std::string>& flag, std::string_view hint);

// A flag's numbers, finite ones; and its number, at least `least`.
absl::StatusOr<std::vector<double>> numbers_from_flag(const absl::Flag<std::vector<std::string>>& flag);
absl::StatusOr<int64_t> count_from_flag(const absl::Flag<int64_t>& flag, int64_t least);

// --dataset, --data_dir, --mean, --std, --image_size, --seed. InvalidArgument naming the flag that is missing or no
// number.
absl::StatusOr<DataSource> data_source_from_flags();

// --input_shape: empty if it is not given. InvalidArgument unless all its numbers are positive, and their product is
// one that memory can hold.
absl::StatusOr<std::vector<int64_t>> input_shape_from_flags();

// Takes the kernels of --backend, or, if it is not given, those of the specification. See tools/common/kernels.h.
absl::Status choose_kernels_by_flag(const std::string& specification);

// --device, which is there (tools/common/device.h).
absl::StatusOr<c10::Device> device_from_flag();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_CLI_DATA_H_
