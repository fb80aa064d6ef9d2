#include "base/fork_safety.h"

#include <pthread.h>

#include <algorithm>

namespace pare {

ForkSafety& ForkSafety::instance() {
  static ForkSafety* const safety = new ForkSafety;  // Never destroyed: pools may live until the process ends.
  return *safety;
}

ForkSafety::ForkSafety() {
  pthread_atfork([] { instance().lock(); }, [] { instance().unlock(); }, [] { instance().unlock(); });
}

void ForkSafety::add(std::mutex* mutex) {
  const std::lock_guard<std::mutex> lock(mutex_);
  mutexes_.push_back(mutex);
}

void ForkSafety::remove(std::mutex* mutex) {
  const std::lock_guard<std::mutex> lock(mutex_);
  mutexes_.erase(std::find(mutexes_.begin(), mutexes_.end(), mutex));
}

void ForkSafety::lock() {
  mutex_.lock();
  for (std::mutex* mutex : mutexes_) mutex->lock();
}

void ForkSafety::unlock() {
  for (std::mutex* mutex : mutexes_) mutex->unlock();
  mutex_.unlock();
}

}  // namespace pare
