#include "tools/cli/usage_error.h"

#include <string>

#include "absl/strings/cord.h"

namespace pare::tools {

namespace {

constexpr char kMark[] = "pare/usage_error";

}  // namespace

absl::Status usage_error(std::string_view message) {
  return as_usage_error(absl::InvalidArgumentError(std::string(message)));
}

bool is_usage_error(const absl::Status& status) { return status.GetPayload(kMark).has_value(); }

absl::Status as_usage_error(const absl::Status& status) {
  absl::Status marked = status;
  if (!marked.ok()) marked.SetPayload(kMark, absl::Cord());
  return marked;
}

}  // namespace pare::tools
