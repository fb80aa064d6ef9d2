#include "training/interrupt.h"

#include <signal.h>

#include <atomic>

namespace pare::training {
namespace {

std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "only lock-free atomics may be written by a signal handler");

// Guards alive, and the actions that the outermost found. Guards belong to the thread that trains; no lock is needed.
int guard_count = 0;
struct Caught {
  int number;
  struct sigaction previous;
  std::atomic<bool> is_ours;  // read by the handler
};
Caught interrupt{SIGINT, {}, false};
Caught terminate{SIGTERM, {}, false};
Caught hang_up{SIGHUP, {}, false};
static_assert(std::atomic<bool>::is_always_lock_free, "only lock-free atomics may be read by a signal handler");

void remember_signal(int signal_number) {
  received_signal.store(signal_number);
  // The second signal ends the process, whatever it is busy with.
  for (const Caught* caught : {&interrupt, &terminate, &hang_up}) {
    if (caught->is_ours.load()) signal(caught->number, SIG_DFL);
  }
}

void take_over(Caught& caught) {
  sigaction(caught.number, nullptr, &caught.previous);
  // Whoever ignores it, nohup for one, wants it ignored.
  if (caught.previous.sa_handler == SIG_IGN) return;
  caught.is_ours.store(true);
  struct sigaction action = {};
  action.sa_handler = remember_signal;
  sigemptyset(&action.sa_mask);
  // A read that the signal interrupts is to go on: files must not look short because of it.
  action.sa_flags = SA_RESTART;
  sigaction(caught.number, &action, nullptr);
}

void give_back(Caught& caught) {
  if (caught.is_ours.exchange(false)) sigaction(caught.number, &caught.previous, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  if (guard_count++ > 0) return;
  received_signal.store(0);
  take_over(interrupt);
  take_over(terminate);
  take_over(hang_up);
}

InterruptGuard::~InterruptGuard() {
  if (--guard_count > 0) return;
  give_back(interrupt);
  give_back(terminate);
  give_back(hang_up);
}

bool InterruptGuard::requested() const { return received_signal.load() != 0; }

std::string InterruptGuard::signal_name() const {
  switch (received_signal.load()) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "";
  }
}

}  // namespace pare::training
