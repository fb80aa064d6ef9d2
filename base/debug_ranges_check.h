// base/debug_ranges_check.h: refuses a table of source places (*.debug_pkl) that LibTorch must not read.
//
//   PARE_RETURN_IF_ERROR(check_debug_ranges(bytes, "model.pt: code/__torch__.py.debug_pkl"));
//
// Beside a file of code LibTorch keeps where each piece of it came from, and reads that as soon as someone asks: for an
// error's message, or for the source of a node. It trusts the tuples to have the elements that it asks for, and texts
// to be in the table at the indices that are given. Taken is what it writes, in each of its two formats:
//
//   ("FORMAT_WITH_STRING_TABLE", (text, ...), (record, ...))  since PyTorch 1.11
//   (record, ...)                                             before that
//   record = (offset in the code, range, tag); the tag is missing before PyTorch 1.9
//   range = (source, start, end)
//   source = ([index of a line's text, ...], index of the file's name, first line), or (text, file's name or None,
//   line)
//
// made of integers, texts, tuples and lists of integers alone. A range may end up to 1,000 bytes behind its text:
// Python's front end takes the width of a number from how it prints it (1e6 is 1000000.0), and LibTorch is prepared for
// that.

#ifndef PARE_BASE_DEBUG_RANGES_CHECK_H_
#define PARE_BASE_DEBUG_RANGES_CHECK_H_

#include <string_view>

#include "absl/status/status.h"

namespace pare {

// InvalidArgument, beginning with `what`, for all that is not as above.
absl::Status check_debug_ranges(std::string_view bytes, std::string_view what);

}  // namespace pare

#endif  // PARE_BASE_DEBUG_RANGES_CHECK_H_
