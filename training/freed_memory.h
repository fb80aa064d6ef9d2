// training/freed_memory.h: keeps the memory that one training step frees for the next.
//
//   keep_freed_memory();  // first thing in main(), with use_all_threads()
//
// A step allocates and frees the same large tensors again and again. The GNU C library gives such blocks back to the
// system and asks for them anew, and each page of them is then zeroed at its first touch.

#ifndef PARE_TRAINING_FREED_MEMORY_H_
#define PARE_TRAINING_FREED_MEMORY_H_

namespace pare::training {

// From now on malloc() takes blocks of up to 32 MiB from its heap and keeps up to 2 GiB of it that are free. The
// process then stays as large as it was at its largest. Does nothing with another C library, or where the user has set
// MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_. Returns whether it is in force.
bool keep_freed_memory();

}  // namespace pare::training

#endif  // PARE_TRAINING_FREED_MEMORY_H_
