// base/pickle_machine.h: the part of LibTorch's unpickler that does not depend on what the values are.
//
//   PickleMachine machine(bytes, "model.pt: data.pkl");
//   PARE_RETURN_IF_ERROR(machine.start());
//   PARE_ASSIGN_OR_RETURN(const uint8_t instruction, machine.next_instruction());
//
// A pickle is a program for a machine with a stack. This reads its instructions and keeps the stack, the marks in it
// and the table of numbered values as the unpickler does; values are ids that the owner gives and knows the meaning of.
// Every step takes constant time for each value that it touches, and there are 16 million instructions at most: what a
// check of a pickle costs is bounded by that.

#ifndef PARE_BASE_PICKLE_MACHINE_H_
#define PARE_BASE_PICKLE_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare {

class PickleMachine {
 public:
  using Id = uint32_t;

  // `bytes` and `what` must outlive it.
  PickleMachine(std::string_view bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  // InvalidArgument, with the place in the file.
  absl::Status refuse(std::string_view why) const;

  // Reads the header of the program.
  absl::Status start();
  absl::StatusOr<uint8_t> next_instruction();

  // What follows an instruction in the program.
  absl::StatusOr<std::string_view> take(size_t size);
  absl::StatusOr<uint64_t> take_number(size_t size);
  absl::StatusOr<int64_t> take_int(uint8_t instruction);  // BININT1, BININT2, BININT, LONG1
  absl::StatusOr<std::string_view> take_text();           // BINUNICODE
  absl::StatusOr<std::string> take_global();              // "module.name"

  void push(Id id) { stack_.push_back(id); }
  absl::StatusOr<Id> top() const;
  absl::StatusOr<Id> pop();
  absl::StatusOr<std::vector<Id>> pop_some(size_t count);  // the last `count`, in the order they were pushed in
  void mark() { marks_.push_back(stack_.size()); }
  absl::StatusOr<std::vector<Id>> pop_to_mark();

  // The instructions that number the value on top, or push a numbered one.
  absl::Status memoize(size_t index_size);
  absl::Status recall(size_t index_size);

  // The value of the whole program.
  absl::StatusOr<Id> result() const;

  std::string_view bytes() const { return bytes_; }

 private:
  absl::StatusOr<std::string_view> take_name();

  std::string_view bytes_, what_;
  size_t at_ = 0, instructions_ = 0;
  std::vector<Id> stack_, memo_;
  std::vector<size_t> marks_;
};

}  // namespace pare

#endif  // PARE_BASE_PICKLE_MACHINE_H_
