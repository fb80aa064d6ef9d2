// base/operator_new_testing.h: an operator new that counts, and that refuses, for tests of what memory is taken and of
// what becomes of std::bad_alloc. A program that links this has it in the place of its own.
//
//   absl::Status status;
//   {
//     const RefuseMemory refuse(1 << 16);  // operator new throws where this thread asks for so many bytes or more
//     status = load("a file");
//   }
//   EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
//
//   const int64_t before = bytes_given();
//   compute();
//   EXPECT_LT(bytes_given() - before, 1'000'000);

#ifndef PARE_BASE_OPERATOR_NEW_TESTING_H_
#define PARE_BASE_OPERATOR_NEW_TESTING_H_

#include <cstddef>
#include <cstdint>

namespace pare {

class RefuseMemory {
 public:
  explicit RefuseMemory(size_t least_bytes);
  ~RefuseMemory();
  RefuseMemory(const RefuseMemory&) = delete;
  RefuseMemory& operator=(const RefuseMemory&) = delete;
};

// By operator new, on all threads; what is given back is not taken off, which is the stricter count.
int64_t bytes_given();

}  // namespace pare

#endif  // PARE_BASE_OPERATOR_NEW_TESTING_H_
