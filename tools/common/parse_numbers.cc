#include "tools/common/parse_numbers.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pare::tools {

absl::StatusOr<std::vector<double>> parse_numbers(const std::string& flag, const std::vector<std::string>& words) {
  std::vector<double> result;
  for (const std::string& word : words) {
    double number;
    if (!absl::SimpleAtod(word, &number) || !std::isfinite(number)) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag, ": '", word, "' is no number"));
    }
    result.push_back(number);
  }
  return result;
}

}  // namespace pare::tools
