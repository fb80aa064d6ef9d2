// base/refuse_memory_testing.h: memory that is not there, for tests of what becomes of std::bad_alloc.
//
//   absl::Status status;
//   {
//     const RefuseMemory refuse(1 << 16);  // operator new throws where this thread asks for so many bytes or more
//     status = load("a file");
//   }
//   EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
//
// A program that links this has its operator new.

#ifndef PARE_BASE_REFUSE_MEMORY_TESTING_H_
#define PARE_BASE_REFUSE_MEMORY_TESTING_H_

#include <cstddef>

namespace pare {

class RefuseMemory {
 public:
  explicit RefuseMemory(size_t least_bytes);
  ~RefuseMemory();
  RefuseMemory(const RefuseMemory&) = delete;
  RefuseMemory& operator=(const RefuseMemory&) = delete;
};

}  // namespace pare

#endif  // PARE_BASE_REFUSE_MEMORY_TESTING_H_
