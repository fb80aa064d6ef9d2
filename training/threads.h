// training/threads.h: how many threads LibTorch computes with.
//
//   use_all_threads();  // first thing in main()
//
// Some builds of LibTorch (Debian's) start with one.

#ifndef PARE_TRAINING_THREADS_H_
#define PARE_TRAINING_THREADS_H_

namespace pare::training {

// Sets LibTorch's number of threads to that of the processors this process may use, unless the environment variable
// OMP_NUM_THREADS says a number, which then holds. Returns the number.
int use_all_threads();

}  // namespace pare::training

#endif  // PARE_TRAINING_THREADS_H_
