#include "distributed/signal_watch.h"

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <ctime>

namespace pare {
namespace {

std::atomic<bool> is_watched = false;
std::atomic<pthread_t> waiting_thread;
static_assert(std::atomic<pthread_t>::is_always_lock_free, "a handler of signals reads it");

// It is blocked there, and waits for next().
void pass_on(int signal) {
  const int error = errno;
  pthread_kill(waiting_thread.load(), signal);
  errno = error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SignalWatch>> SignalWatch::start() {
  if (is_watched.exchange(true)) {
    return absl::FailedPreconditionError("this process waits for signals already: launch processes once at a time");
  }
  auto watch = std::unique_ptr<SignalWatch>(new SignalWatch);
  waiting_thread = pthread_self();
  sigemptyset(&watch->watched_);
  for (const int signal : kPassedOn) sigaddset(&watch->watched_, signal);
  sigaddset(&watch->watched_, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &watch->watched_, &watch->mask_before_);
  // Inherited as ignored, it would make the system throw away how a process ended.
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &action, &watch->child_before_);
  action.sa_handler = pass_on;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kPassedOn.size(); ++i) {
    sigaction(kPassedOn[i], nullptr, &watch->before_[i]);
    if (watch->before_[i].sa_handler != SIG_IGN) sigaction(kPassedOn[i], &action, nullptr);
  }
  return watch;
}

SignalWatch::~SignalWatch() {
  for (size_t i = 0; i < kPassedOn.size(); ++i) sigaction(kPassedOn[i], &before_[i], nullptr);
  sigaction(SIGCHLD, &child_before_, nullptr);
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  is_watched = false;
}

int SignalWatch::next() const {
  const timespec a_while{.tv_sec = 0, .tv_nsec = 200'000'000};
  const int signal = sigtimedwait(&watched_, nullptr, &a_while);
  return signal < 0 ? 0 : signal;
}

void SignalWatch::restore_in_child() const {
  // Before the mask: one that is pending must not meet the handler, which would tell the parent's thread of it.
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (size_t i = 0; i < kPassedOn.size(); ++i) {
    if (before_[i].sa_handler != SIG_IGN) sigaction(kPassedOn[i], &action, nullptr);
  }
  sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

}  // namespace pare
