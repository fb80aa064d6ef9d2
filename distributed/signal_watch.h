// distributed/signal_watch.h: signals of this process, for one thread that waits for them.
//
//   PARE_ASSIGN_OR_RETURN(const std::unique_ptr<SignalWatch> watch, SignalWatch::start());
//   ... fork(); in the child: watch->restore_in_child(); exec...
//   if (const int signal = watch->next(); signal == SIGINT) ...
//
// While it lives, SIGINT, SIGTERM, SIGHUP and SIGCHLD do nothing but to end next(). The system gives a signal to any
// thread that has not blocked it, and libraries have threads of their own (OpenBLAS starts one as LibTorch is loaded):
// to block them in the waiting thread alone would leave it to chance whether the process ends. So the first three are
// handled, by passing them on to the thread that has made this. SIGCHLD in another thread is lost; next() returns every
// 200 ms for that. A signal that is ignored when it starts (nohup) is left so.
//
// There is one at a time in a process.

#ifndef PARE_DISTRIBUTED_SIGNAL_WATCH_H_
#define PARE_DISTRIBUTED_SIGNAL_WATCH_H_

#include <signal.h>

#include <array>
#include <memory>

#include "absl/status/statusor.h"

namespace pare {

class SignalWatch {
 public:
  // FailedPrecondition if there is one already.
  static absl::StatusOr<std::unique_ptr<SignalWatch>> start();
  // Everything is as it was. On the thread that has started it, as next().
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // The number of a signal that has come, or 0 after 200 ms at most.
  int next() const;

  // In a child of fork(): what was handled has its default action, and the thread's mask is as it was. Does nothing
  // that a child of a process with several threads may not do.
  void restore_in_child() const;

 private:
  static constexpr std::array<int, 3> kPassedOn = {SIGINT, SIGTERM, SIGHUP};

  SignalWatch() = default;

  sigset_t watched_ = {}, mask_before_ = {};
  std::array<struct sigaction, kPassedOn.size()> before_ = {};
  struct sigaction child_before_ = {};
};

}  // namespace pare

#endif  // PARE_DISTRIBUTED_SIGNAL_WATCH_H_
