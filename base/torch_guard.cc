#include "base/torch_guard.h"

#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace pare {

namespace {

// TorchScript's interpreter appends a traceback, other places a C++ backtrace: neither tells a user anything.
std::string without_backtrace(std::string text) {
  for (const char* mark : {"\nException raised from", "\nframe #0:", "\nTraceback of TorchScript"}) {
    const size_t end = text.find(mark);
    if (end != std::string::npos) text.resize(end);
  }
  return std::string(absl::StripSuffix(text, "\n"));
}

}  // namespace

absl::Status status_of_exception(std::string_view what, std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const c10::Error& error) {
    const std::string text = without_backtrace(error.what_without_backtrace());
    const std::string message = absl::StrCat(std::string(what), ": ", text);
    // The second is what LibTorch says on Linux when malloc fails, the others what Windows and CUDA say.
    for (const char* words : {"not enough memory", "can't allocate memory", "out of memory"}) {
      if (absl::StrContains(text, words)) return absl::ResourceExhaustedError(message);
    }
    return absl::InvalidArgumentError(message);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(std::string(what), ": out of memory"));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(what), ": ", without_backtrace(error.what())));
  } catch (...) {
    return absl::UnknownError(absl::StrCat(std::string(what), ": an exception of an unknown type"));
  }
}

}  // namespace pare
