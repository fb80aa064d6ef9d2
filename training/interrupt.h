// training/interrupt.h: lets Ctrl-C (SIGINT), SIGTERM or a terminal that closes (SIGHUP) end a job at its next safe
// point instead of anywhere.
//
//   InterruptGuard guard;
//   while (work_left()) {
//     do_some_work();
//     if (guard.requested()) return save_and_stop();
//   }
//
// While a guard lives, the first such signal only sets a flag; it also puts the default actions back, so that a second
// one ends the process at once. A signal that is ignored already (nohup, a shell's background job) stays so. The
// destructor restores the handlers that were there before. Guards may be nested: all of them see the flag, which the
// outermost one clears when it is made.

#ifndef PARE_TRAINING_INTERRUPT_H_
#define PARE_TRAINING_INTERRUPT_H_

#include <string>

namespace pare::training {

class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool requested() const;
  // "SIGINT", "SIGTERM" or "SIGHUP"; empty if none came.
  std::string signal_name() const;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_INTERRUPT_H_
