// base/fork_safety.h: mutexes that a fork() leaves in a good state in both processes.
//
//   ForkSafety::instance().add(&mutex_);      // in a constructor
//   ForkSafety::instance().remove(&mutex_);   // in the destructor
//
// A thread that holds a mutex while another one forks would leave it held in the child for ever. So fork() waits for
// all that are here, and lets them go on both sides. While one of them is held, its thread must not take a second one,
// nor add or remove one.

#ifndef PARE_BASE_FORK_SAFETY_H_
#define PARE_BASE_FORK_SAFETY_H_

#include <mutex>
#include <vector>

namespace pare {

class ForkSafety {
 public:
  static ForkSafety& instance();
  void add(std::mutex* mutex);
  void remove(std::mutex* mutex);

 private:
  ForkSafety();
  void lock();
  void unlock();

  std::mutex mutex_;
  std::vector<std::mutex*> mutexes_;
};

}  // namespace pare

#endif  // PARE_BASE_FORK_SAFETY_H_
