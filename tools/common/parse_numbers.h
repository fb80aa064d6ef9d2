// tools/common/parse_numbers.h: the numbers of a flag that takes a list.
//
//   parse_numbers("mean", {"0.5", "0.25"});         // {0.5, 0.25}
//   parse_integers("threads", {"1", "0"}, 0, 64);   // {1, 0}

#ifndef PARE_TOOLS_COMMON_PARSE_NUMBERS_H_
#define PARE_TOOLS_COMMON_PARSE_NUMBERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pare::tools {

// InvalidArgument, with the flag's name, for a word that is no finite number.
absl::StatusOr<std::vector<double>> parse_numbers(const std::string& flag, const std::vector<std::string>& words);

// InvalidArgument, with the flag's name and what is expected, for a word that is no whole number from `least` to
// `greatest`.
absl::StatusOr<std::vector<int64_t>> parse_integers(const std::string& flag, const std::vector<std::string>& words,
                                                    int64_t least, int64_t greatest);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_PARSE_NUMBERS_H_
