#include "training/interrupt.h"

#include <signal.h>

#include <atomic>

namespace pare::training {
namespace {

std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "only lock-free atomics may be written by a signal handler");

// Guards alive, and the actions that the outermost found. Guards belong to the thread that trains; no lock is needed.
int guard_count = 0;
struct sigaction previous_interrupt;
struct sigaction previous_terminate;

void remember_signal(int signal_number) {
  received_signal.store(signal_number);
  // The second signal ends the process, whatever it is busy with.
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  if (guard_count++ > 0) return;
  received_signal.store(0);
  struct sigaction action = {};
  action.sa_handler = remember_signal;
  sigemptyset(&action.sa_mask);
  // A read that the signal interrupts is to go on: files must not look short because of it.
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previous_interrupt);
  sigaction(SIGTERM, &action, &previous_terminate);
}

InterruptGuard::~InterruptGuard() {
  if (--guard_count > 0) return;
  sigaction(SIGINT, &previous_interrupt, nullptr);
  sigaction(SIGTERM, &previous_terminate, nullptr);
}

bool InterruptGuard::requested() const { return received_signal.load() != 0; }

std::string InterruptGuard::signal_name() const {
  switch (received_signal.load()) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    default:
      return "";
  }
}

}  // namespace pare::training
