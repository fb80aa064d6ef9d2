// tools/common/parse_numbers.h: the numbers of a flag that takes a list.
//
//   parse_numbers("mean", {"0.5", "0.25"});  // {0.5, 0.25}

#ifndef PARE_TOOLS_COMMON_PARSE_NUMBERS_H_
#define PARE_TOOLS_COMMON_PARSE_NUMBERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pare::tools {

// InvalidArgument, with the flag's name, for a word that is no finite number.
absl::StatusOr<std::vector<double>> parse_numbers(const std::string& flag, const std::vector<std::string>& words);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_PARSE_NUMBERS_H_
