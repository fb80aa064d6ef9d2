// base/log.h: short messages to a person, on standard error.
//
//   log_info("reading model.pt");
//   log_warning(absl::StrCat("no kernel for ", dtype, " on cuda: the cpu one is used"));
//   log_warning_once("vulkan-missing", "Vulkan is not available");
//
// Results go to standard output and errors are absl::Status; these lines are what happens in between. Safe to call from
// any thread: lines never mix. set_quiet(true) drops information and keeps warnings.

#ifndef PARE_BASE_LOG_H_
#define PARE_BASE_LOG_H_

#include <string_view>

namespace pare {

void log_info(std::string_view message);
void log_warning(std::string_view message);

// As log_warning, but only for the first call with this key in the process.
void log_warning_once(std::string_view key, std::string_view message);

void set_quiet(bool quiet);

}  // namespace pare

#endif  // PARE_BASE_LOG_H_
