// base/status_macros.h: hands errors up the call stack.
//
//   absl::Status write_twice(const std::string& path) {
//     PARE_RETURN_IF_ERROR(write_file(path, "1"));
//     PARE_ASSIGN_OR_RETURN(std::string text, read_file(path));
//     return write_file(path, text + text);
//   }
//
// PARE_RETURN_IF_ERROR evaluates an absl::Status and returns it from the enclosing function unless it is OK.
// PARE_ASSIGN_OR_RETURN evaluates an absl::StatusOr<T>, returns its status if it holds none, and else moves the T into
// the first argument: a variable, or a declaration of one. A declaration with a comma in its type needs parentheses
// that a macro cannot take: write `auto`.

#ifndef PARE_BASE_STATUS_MACROS_H_
#define PARE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PARE_RETURN_IF_ERROR(expression)                                                \
  do {                                                                                  \
    if (absl::Status pare_status = (expression); !pare_status.ok()) return pare_status; \
  } while (false)

#define PARE_ASSIGN_OR_RETURN(target, expression) \
  PARE_ASSIGN_OR_RETURN_IMPL_(PARE_CONCATENATE_(pare_status_or_, __LINE__), target, expression)

#define PARE_ASSIGN_OR_RETURN_IMPL_(variable, target, expression) \
  auto variable = (expression);                                   \
  if (!variable.ok()) return std::move(variable).status();        \
  target = *std::move(variable)

#define PARE_CONCATENATE_(a, b) PARE_CONCATENATE_IMPL_(a, b)
#define PARE_CONCATENATE_IMPL_(a, b) a##b

#endif  // PARE_BASE_STATUS_MACROS_H_
