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

absl::StatusOr<std::vector<int64_t>> parse_integers(const std::string& flag, const std::vector<std::string>& words,
                                                    int64_t least, int64_t greatest) {
  std::vector<int64_t> result;
  for (const std::string& word : words) {
    int64_t number;
    if (!absl::SimpleAtoi(word, &number) || number < least || number > greatest) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, ": '", word, "' is no whole number from ", least, " to ", greatest));
    }
    result.push_back(number);
  }
  return result;
}

}  // namespace pare::tools
