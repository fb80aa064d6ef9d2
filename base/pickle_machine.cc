#include "base/pickle_machine.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare {
namespace {

constexpr size_t kMostBytes = size_t{1} << 27;
constexpr size_t kMostInstructions = size_t{1} << 24;
// LibTorch parses a name by recursion, a step for every dot.
constexpr size_t kMostNameBytes = 1000;
constexpr PickleMachine::Id kNothing = std::numeric_limits<PickleMachine::Id>::max();

}  // namespace

absl::Status PickleMachine::refuse(std::string_view why) const {
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(what_), " is refused at byte ", at_, " of its pickle: ", std::string(why)));
}

absl::Status PickleMachine::start() {
  if (bytes_.size() > kMostBytes) return refuse("it is larger than 128 MiB");
  if (bytes_.size() < 2 || bytes_.substr(0, 2) != "\x80\x02") return refuse("it is no pickle of protocol 2");
  at_ = 2;
  return absl::OkStatus();
}

absl::StatusOr<uint8_t> PickleMachine::next_instruction() {
  if (instructions_ == kMostInstructions) {
    return refuse("it has more than 16,777,216 instructions: keep large data in tensors, not in lists of numbers");
  }
  ++instructions_;
  PARE_ASSIGN_OR_RETURN(const std::string_view taken, take(1));
  return static_cast<uint8_t>(taken[0]);
}

absl::StatusOr<std::string_view> PickleMachine::take(size_t size) {
  if (bytes_.size() - at_ < size) return refuse("it is cut off");
  const std::string_view taken = bytes_.substr(at_, size);
  at_ += size;
  return taken;
}

absl::StatusOr<uint64_t> PickleMachine::take_number(size_t size) {
  PARE_ASSIGN_OR_RETURN(const std::string_view taken, take(size));
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(taken[i])} << (8 * i);
  return value;
}

absl::StatusOr<int64_t> PickleMachine::take_int(uint8_t instruction) {
  size_t size = 0;
  switch (instruction) {
    case 'K':
      size = 1;
      break;
    case 'M':
      size = 2;
      break;
    case 'J':
      size = 4;
      break;
    default: {
      PARE_ASSIGN_OR_RETURN(size, take_number(1));
      if (size != 8) return refuse("an integer has not 8 bytes");
    }
  }
  PARE_ASSIGN_OR_RETURN(const uint64_t value, take_number(size));
  return size == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
}

absl::StatusOr<std::string_view> PickleMachine::take_text() {
  PARE_ASSIGN_OR_RETURN(const uint64_t size, take_number(4));
  return take(size);
}

absl::StatusOr<std::string_view> PickleMachine::take_name() {
  const std::string_view rest = bytes_.substr(at_, kMostNameBytes + 1);
  const size_t size = rest.find('\n');
  if (size == std::string_view::npos) {
    return refuse(rest.size() > kMostNameBytes ? "a name is longer than 1,000 bytes" : "a name has no end");
  }
  for (const char byte : rest.substr(0, size)) {
    // With any other, LibTorch reads the name as an expression; a NUL would end the name of the record it looks for.
    if (!absl::ascii_isalnum(static_cast<unsigned char>(byte)) && byte != '_' && byte != '.') {
      return refuse("a name has other characters than letters, digits, _ and .");
    }
  }
  at_ += size + 1;
  return rest.substr(0, size);
}

absl::StatusOr<std::string> PickleMachine::take_global() {
  PARE_ASSIGN_OR_RETURN(const std::string_view module, take_name());
  PARE_ASSIGN_OR_RETURN(const std::string_view name, take_name());
  return absl::StrCat(std::string(module), ".", std::string(name));
}

absl::StatusOr<PickleMachine::Id> PickleMachine::top() const {
  if (stack_.empty()) return refuse("an instruction finds nothing to work on");
  return stack_.back();
}

absl::StatusOr<PickleMachine::Id> PickleMachine::pop() {
  // What stands before a mark belongs to what the mark opened.
  if (stack_.empty() || (!marks_.empty() && marks_.back() >= stack_.size())) {
    return refuse("an instruction finds nothing to work on");
  }
  const Id id = stack_.back();
  stack_.pop_back();
  return id;
}

absl::StatusOr<std::vector<PickleMachine::Id>> PickleMachine::pop_some(size_t count) {
  std::vector<Id> popped(count);
  for (size_t i = count; i-- > 0;) {
    PARE_ASSIGN_OR_RETURN(popped[i], pop());
  }
  return popped;
}

absl::StatusOr<std::vector<PickleMachine::Id>> PickleMachine::pop_to_mark() {
  if (marks_.empty() || marks_.back() > stack_.size()) return refuse("an instruction finds no mark");
  std::vector<Id> popped(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return popped;
}

absl::Status PickleMachine::memoize(size_t index_size) {
  PARE_ASSIGN_OR_RETURN(const uint64_t index, take_number(index_size));
  PARE_ASSIGN_OR_RETURN(const Id id, top());
  // The unpickler makes a table of all indices up to the largest; the writer counts up.
  if (index > instructions_) return refuse("it numbers a value beyond all reason");
  if (index >= memo_.size()) memo_.resize(index + 1, kNothing);
  memo_[index] = id;
  return absl::OkStatus();
}

absl::Status PickleMachine::recall(size_t index_size) {
  PARE_ASSIGN_OR_RETURN(const uint64_t index, take_number(index_size));
  if (index >= memo_.size() || memo_[index] == kNothing) return refuse("it asks for a value that is not there");
  push(memo_[index]);
  return absl::OkStatus();
}

absl::StatusOr<PickleMachine::Id> PickleMachine::result() const {
  if (stack_.size() != 1 || !marks_.empty()) return refuse("it ends with more or less than one value");
  return stack_.back();
}

}  // namespace pare
