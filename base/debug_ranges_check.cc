#include "base/debug_ranges_check.h"

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/pickle_machine.h"
#include "base/status_macros.h"

namespace pare {
namespace {

constexpr std::string_view kTableMark = "FORMAT_WITH_STRING_TABLE";
constexpr int64_t kMostBehindText = 1000;
// The table's texts may be used any number of times; LibTorch looks for the line ends in all of them.
constexpr uint64_t kMostSourceBytes = uint64_t{1} << 28;

struct Value {
  enum class Kind : uint8_t { kNone, kInt, kText, kTuple, kList, kIntList, kMakesIntList };
  Kind kind = Kind::kNone;
  bool is_filled = false;  // kList: a second filling would be seen by whatever holds it
  uint32_t size = 0;       // kText: of it; kTuple, kList, kIntList: their elements
  int64_t number = 0;      // kInt: itself; kText: where it begins in the program; else where its elements begin
};

using Kind = Value::Kind;
using Id = PickleMachine::Id;

// The values of the program.
class Values {
 public:
  explicit Values(PickleMachine& machine) : machine_(machine) {}

  absl::StatusOr<Id> run() {
    PARE_RETURN_IF_ERROR(machine_.start());
    for (;;) {
      PARE_ASSIGN_OR_RETURN(const uint8_t code, machine_.next_instruction());
      if (code == '.') return machine_.result();
      PARE_RETURN_IF_ERROR(step(code));
    }
  }

  const Value& operator[](Id id) const { return values_[id]; }
  Id element_id(const Value& whole, size_t index) const { return elements_[static_cast<size_t>(whole.number) + index]; }
  const Value& element(const Value& whole, size_t index) const { return values_[element_id(whole, index)]; }
  std::string_view text(const Value& value) const {
    return machine_.bytes().substr(static_cast<size_t>(value.number), value.size);
  }

 private:
  void push(Value value) {
    values_.push_back(value);
    machine_.push(static_cast<Id>(values_.size() - 1));
  }

  void keep(const std::vector<Id>& elements, Value& whole) {
    whole.size = static_cast<uint32_t>(elements.size());
    whole.number = static_cast<int64_t>(elements_.size());
    elements_.insert(elements_.end(), elements.begin(), elements.end());
  }

  void push_tuple(const std::vector<Id>& elements) {
    Value tuple{.kind = Kind::kTuple};
    keep(elements, tuple);
    push(tuple);
  }

  absl::Status fill_list() {
    PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, machine_.pop_to_mark());
    PARE_ASSIGN_OR_RETURN(const Id id, machine_.top());
    Value& list = values_[id];
    if (list.kind != Kind::kList || list.is_filled) return machine_.refuse("it adds to what is no new list");
    for (const Id element : elements) {
      if (values_[element].kind != Kind::kInt) return machine_.refuse("a list has something else than integers");
    }
    keep(elements, list);
    list.is_filled = true;
    return absl::OkStatus();
  }

  absl::Status make_int_list() {
    PARE_ASSIGN_OR_RETURN(const std::vector<Id> call, machine_.pop_some(2));
    const Value& argument = values_[call[1]];
    if (values_[call[0]].kind != Kind::kMakesIntList || argument.kind != Kind::kTuple || argument.size != 1 ||
        element(argument, 0).kind != Kind::kList) {
      return machine_.refuse("it calls something else than build_intlist of a list");
    }
    const Id list = element_id(argument, 0);
    values_[list].kind = Kind::kIntList;  // for all that hold it, as in LibTorch
    machine_.push(list);
    return absl::OkStatus();
  }

  absl::Status step(uint8_t code) {
    switch (code) {
      case '(':
        machine_.mark();
        return absl::OkStatus();
      case ']':
        push({.kind = Kind::kList});
        return absl::OkStatus();
      case 'e':
        return fill_list();
      case ')':
        push_tuple({});
        return absl::OkStatus();
      case 't': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, machine_.pop_to_mark());
        push_tuple(elements);
        return absl::OkStatus();
      }
      case 0x85:
      case 0x86:
      case 0x87: {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, machine_.pop_some(code - 0x84));
        push_tuple(elements);
        return absl::OkStatus();
      }
      case 'N':
        push({.kind = Kind::kNone});
        return absl::OkStatus();
      case 'K':
      case 'M':
      case 'J':
      case 0x8a: {
        PARE_ASSIGN_OR_RETURN(const int64_t number, machine_.take_int(code));
        push({.kind = Kind::kInt, .number = number});
        return absl::OkStatus();
      }
      case 'X': {
        PARE_ASSIGN_OR_RETURN(const std::string_view text, machine_.take_text());
        push({.kind = Kind::kText,
              .size = static_cast<uint32_t>(text.size()),
              .number = text.data() - machine_.bytes().data()});
        return absl::OkStatus();
      }
      case 'q':
      case 'r':
        return machine_.memoize(code == 'q' ? 1 : 4);
      case 'h':
      case 'j':
        return machine_.recall(code == 'h' ? 1 : 4);
      case 'c': {
        PARE_ASSIGN_OR_RETURN(const std::string name, machine_.take_global());
        if (name != "torch.jit._pickle.build_intlist") {
          return machine_.refuse(absl::StrCat("it names ", name, ", and only lists of integers belong here"));
        }
        push({.kind = Kind::kMakesIntList});
        return absl::OkStatus();
      }
      case 'R':
        return make_int_list();
      default:
        return machine_.refuse(absl::StrCat("instruction ", code, " is none that LibTorch writes here"));
    }
  }

  PickleMachine& machine_;
  std::vector<Value> values_;
  std::vector<Id> elements_;
};

// Their form.
class Ranges {
 public:
  Ranges(const PickleMachine& machine, const Values& values) : machine_(machine), values_(values) {}

  absl::Status check(Id root_id) {
    const Value& root = values_[root_id];
    if (root.kind != Kind::kTuple || root.size == 0) return refuse("it is no tuple, or an empty one");
    const Value& first = values_.element(root, 0);
    if (first.kind != Kind::kText) return check_records(root);
    const bool is_table = values_.text(first) == kTableMark && root.size == 3;
    if (!is_table) return refuse("it is neither a tuple of records nor a table of texts with records");
    table_ = &values_.element(root, 1);
    if (table_->kind != Kind::kTuple || table_->size == 0) return refuse("its table of texts is no tuple, or empty");
    for (size_t i = 0; i < table_->size; ++i) {
      if (values_.element(*table_, i).kind != Kind::kText) return refuse("its table has something else than texts");
    }
    const Value& records = values_.element(root, 2);
    if (records.kind != Kind::kTuple) return refuse("its records are no tuple");
    return check_records(records);
  }

 private:
  absl::Status refuse(std::string_view why) const { return machine_.refuse(why); }

  static bool is_count(const Value& value) { return value.kind == Kind::kInt && value.number >= 0; }

  bool is_index(const Value& value) const { return is_count(value) && value.number < table_->size; }

  absl::Status check_records(const Value& records) {
    for (size_t i = 0; i < records.size; ++i) {
      const Value& record = values_.element(records, i);
      const bool is_record = record.kind == Kind::kTuple &&
                             (record.size == 3 || (record.size == 2 && table_ == nullptr)) &&
                             is_count(values_.element(record, 0)) && values_.element(record, 1).kind == Kind::kTuple &&
                             (record.size == 2 || values_.element(record, 2).kind == Kind::kInt);
      if (!is_record) return refuse(absl::StrCat("record ", i, " is no offset, range and tag"));
      PARE_RETURN_IF_ERROR(check_range(values_.element(record, 1), i));
    }
    return absl::OkStatus();
  }

  absl::Status check_range(const Value& range, size_t record) {
    if (range.size != 3 || !is_count(values_.element(range, 1)) || !is_count(values_.element(range, 2))) {
      return refuse(absl::StrCat("the range of record ", record, " is no source, start and end"));
    }
    PARE_ASSIGN_OR_RETURN(const int64_t length, length_of(values_.element_id(range, 0), record));
    const int64_t start = values_.element(range, 1).number, end = values_.element(range, 2).number;
    if (start > end || end > length + kMostBehindText) {
      return refuse(absl::StrCat("the range of record ", record, " is from ", start, " to ", end, " in a text of ",
                                 length, " bytes"));
    }
    return absl::OkStatus();
  }

  // The length of a source's text. Many ranges share a source: it is looked at once.
  absl::StatusOr<int64_t> length_of(Id id, size_t record) {
    if (const auto known = lengths_.find(id); known != lengths_.end()) return known->second;
    const Value& source = values_[id];
    const bool is_source = source.kind == Kind::kTuple && source.size == 3 && is_count(values_.element(source, 2));
    if (!is_source) return refuse(absl::StrCat("the source of record ", record, " is no text, file and line"));
    const Value &text = values_.element(source, 0), &file = values_.element(source, 1);
    uint64_t length = 0;
    if (table_ == nullptr) {
      if (text.kind != Kind::kText || (file.kind != Kind::kText && file.kind != Kind::kNone)) {
        return refuse(absl::StrCat("the source of record ", record, " has something else than texts"));
      }
      length = text.size;
    } else {
      if (text.kind != Kind::kIntList || !is_index(file)) {
        return refuse(absl::StrCat("the source of record ", record,
                                   " has no list of lines, or a file's name from beyond the table"));
      }
      for (size_t i = 0; i < text.size; ++i) {
        const Value& index = values_.element(text, i);
        if (!is_index(index)) {
          return refuse(
              absl::StrCat("a line of record ", record, " is text ", index.number, " of a table of ", table_->size));
        }
        const uint32_t size = values_.element(*table_, static_cast<size_t>(index.number)).size;
        // LibTorch counts empty lines in one of its two tables of lines only; what follows one would be mistaken.
        if (size == 0 && i + 1 < text.size) return refuse(absl::StrCat("a line of record ", record, " is empty"));
        length += size;
      }
    }
    total_ += length;
    if (total_ > kMostSourceBytes) return refuse("its sources have more than 256 MiB of text together");
    lengths_[id] = static_cast<int64_t>(length);
    return static_cast<int64_t>(length);
  }

  const PickleMachine& machine_;
  const Values& values_;
  const Value* table_ = nullptr;
  std::unordered_map<Id, int64_t> lengths_;
  uint64_t total_ = 0;
};

}  // namespace

absl::Status check_debug_ranges(std::string_view bytes, std::string_view what) {
  PickleMachine machine(bytes, what);
  Values values(machine);
  PARE_ASSIGN_OR_RETURN(const Id root, values.run());
  return Ranges(machine, values).check(root);
}

}  // namespace pare
