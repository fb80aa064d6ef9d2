// tools/cli/usage_error.h: an error in the command line itself, which `pare` answers with exit code 2.
//
//   if (output.empty()) return usage_error("--output is missing: OUT.onnx or OUT.pt");

#ifndef PARE_TOOLS_CLI_USAGE_ERROR_H_
#define PARE_TOOLS_CLI_USAGE_ERROR_H_

#include <string_view>

#include "absl/status/status.h"

namespace pare::tools {

// InvalidArgument that is_usage_error() knows again, also when it has been passed on.
absl::Status usage_error(std::string_view message);
bool is_usage_error(const absl::Status& status);

// The status with this mark if it is an error: for what a flag's value was refused with.
absl::Status as_usage_error(const absl::Status& status);

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_USAGE_ERROR_H_
