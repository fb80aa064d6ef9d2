// base/torch_guard.h: where LibTorch's exceptions end and absl::Status begins.
//
//   absl::StatusOr<at::Tensor> y = guard_torch("conv1", [&] { return at::relu(x); });
//
// guard_torch(what, f) calls f() and returns its result as an absl::StatusOr (absl::Status if f returns nothing). An
// exception that leaves f, LibTorch's or the standard library's, becomes an InvalidArgumentError (OUT_OF_MEMORY kinds a
// ResourceExhaustedError) whose message is `what`, a colon and the exception's text without its C++ backtrace.

#ifndef PARE_BASE_TORCH_GUARD_H_
#define PARE_BASE_TORCH_GUARD_H_

#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare {

// The status that stands for an exception; see above.
absl::Status status_of_exception(std::string_view what, std::exception_ptr exception);

template <typename F>
auto guard_torch(std::string_view what, F&& f) {
  using Result = std::invoke_result_t<F>;
  if constexpr (std::is_void_v<Result>) {
    try {
      std::forward<F>(f)();
      return absl::OkStatus();
    } catch (...) {
      return status_of_exception(what, std::current_exception());
    }
  } else {
    try {
      return absl::StatusOr<Result>(std::forward<F>(f)());
    } catch (...) {
      return absl::StatusOr<Result>(status_of_exception(what, std::current_exception()));
    }
  }
}

}  // namespace pare

#endif  // PARE_BASE_TORCH_GUARD_H_
