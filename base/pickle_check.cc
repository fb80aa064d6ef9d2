#include "base/pickle_check.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare {
namespace {

constexpr uint32_t kMostDepth = 100;
constexpr size_t kMostBytes = size_t{1} << 27;

// Bytes an element, of the storages that LibTorch knows.
const std::unordered_map<std::string_view, uint64_t>& storages() {
  static const auto* const sizes = new std::unordered_map<std::string_view, uint64_t>{
      {"torch.BoolStorage", 1},           {"torch.ByteStorage", 1},        {"torch.CharStorage", 1},
      {"torch.ShortStorage", 2},          {"torch.IntStorage", 4},         {"torch.LongStorage", 8},
      {"torch.HalfStorage", 2},           {"torch.BFloat16Storage", 2},    {"torch.FloatStorage", 4},
      {"torch.DoubleStorage", 8},         {"torch.ComplexHalfStorage", 4}, {"torch.ComplexFloatStorage", 8},
      {"torch.ComplexDoubleStorage", 16}, {"torch.QInt8Storage", 1},       {"torch.QUInt8Storage", 1},
      {"torch.QInt32Storage", 4},         {"torch.QUInt4x2Storage", 1},    {"torch.QUInt2x4Storage", 1},
  };
  return *sizes;
}

enum class Callable { kNone, kTypeTag, kList, kTensor, kQuantizedTensor, kDropped, kComplex, kDevice, kClass };

// Names that stand for a number: they are no callables.
bool is_enumerator(std::string_view name) {
  return storages().count(name) > 0 || name == "torch.per_tensor_affine" || name == "torch.per_channel_affine" ||
         name == "torch.per_channel_affine_float_qparams";
}

Callable callable_of(std::string_view name) {
  static const auto* const callables = new std::unordered_map<std::string_view, Callable>{
      {"torch.jit._pickle.restore_type_tag", Callable::kTypeTag},
      {"torch.jit._pickle.build_intlist", Callable::kList},
      {"torch.jit._pickle.build_doublelist", Callable::kList},
      {"torch.jit._pickle.build_boollist", Callable::kList},
      {"torch.jit._pickle.build_tensorlist", Callable::kList},
      {"torch._utils._rebuild_tensor_v2", Callable::kTensor},
      {"torch._utils._rebuild_qtensor", Callable::kQuantizedTensor},
      {"collections.OrderedDict", Callable::kDropped},
      {"builtins.complex", Callable::kComplex},
      {"torch.device", Callable::kDevice},
  };
  const auto found = callables->find(name);
  if (found != callables->end()) return found->second;
  // "__torch__.torch.classes" are C++ classes, whose own code would read the rest.
  const bool is_class = absl::StartsWith(std::string(name), "__torch__.");
  const bool is_custom = absl::StartsWith(std::string(name), "__torch__.torch.classes.");
  return is_class && !is_custom ? Callable::kClass : Callable::kNone;
}

struct Item {
  enum class Kind : uint8_t { kOther, kInt, kText, kGlobal, kTuple, kList, kDict, kStorage };
  Kind kind = Kind::kOther;
  Callable callable = Callable::kNone;
  bool is_held = false;  // by another value: it must not change any more, or it could come to hold itself
  uint32_t depth = 0;
  int64_t number = 0;            // kInt; kStorage: its elements
  std::string_view text = {};    // kText; kGlobal: its name
  uint32_t begin = 0, size = 0;  // kTuple: its elements
};

using Kind = Item::Kind;
using Id = uint32_t;

class Walk {
 public:
  Walk(std::string_view bytes, const PickleRules& rules, std::string_view what)
      : bytes_(bytes), rules_(rules), what_(what) {}

  absl::Status run() {
    if (bytes_.size() > kMostBytes) return refuse("it is larger than 128 MiB");
    if (bytes_.size() < 2 || bytes_.substr(0, 2) != "\x80\x02") return refuse("it is no pickle of protocol 2");
    at_ = 2;
    while (!has_stopped_) PARE_RETURN_IF_ERROR(step());
    return absl::OkStatus();
  }

 private:
  absl::Status refuse(std::string_view why) const {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what_), " is refused at byte ", at_, " of its pickle: ", std::string(why)));
  }

  absl::StatusOr<std::string_view> take(size_t size) {
    if (bytes_.size() - at_ < size) return refuse("it is cut off");
    const std::string_view taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }

  absl::StatusOr<uint64_t> take_number(size_t size) {
    PARE_ASSIGN_OR_RETURN(const std::string_view taken, take(size));
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(taken[i])} << (8 * i);
    return value;
  }

  absl::StatusOr<std::string_view> take_line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) return refuse("a name has no end");
    const std::string_view line = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }

  absl::Status push(Item item) {
    if (item.depth > kMostDepth) return refuse("values are nested more than 100 deep");
    items_.push_back(item);
    stack_.push_back(static_cast<Id>(items_.size() - 1));
    return absl::OkStatus();
  }

  absl::Status push_int(int64_t value) { return push({.kind = Kind::kInt, .number = value}); }

  absl::StatusOr<Id> pop() {
    // What stands before a mark belongs to what the mark opened.
    if (stack_.empty() || (!marks_.empty() && marks_.back() >= stack_.size())) {
      return refuse("an instruction finds nothing to work on");
    }
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }

  // What was pushed since the last mark.
  absl::StatusOr<std::vector<Id>> pop_to_mark() {
    if (marks_.empty() || marks_.back() > stack_.size()) return refuse("an instruction finds no mark");
    std::vector<Id> popped(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return popped;
  }

  absl::Status push_tuple(const std::vector<Id>& elements) {
    Item tuple{.kind = Kind::kTuple,
               .begin = static_cast<uint32_t>(elements_.size()),
               .size = static_cast<uint32_t>(elements.size())};
    elements_.insert(elements_.end(), elements.begin(), elements.end());
    hold(elements, tuple);
    return push(tuple);
  }

  absl::Status push_small_tuple(size_t size) {
    std::vector<Id> elements(size);
    for (size_t i = size; i-- > 0;) {
      PARE_ASSIGN_OR_RETURN(elements[i], pop());
    }
    return push_tuple(elements);
  }

  void hold(const std::vector<Id>& elements, Item& holder) {
    for (const Id id : elements) {
      items_[id].is_held = true;
      holder.depth = std::max(holder.depth, items_[id].depth + 1);
    }
  }

  absl::Status add_to(Kind kind, const std::vector<Id>& elements) {
    if (kind == Kind::kDict && elements.size() % 2 != 0) return refuse("a key has no value");
    if (stack_.empty()) return refuse("an instruction finds nothing to work on");
    const Id id = stack_.back();
    if (items_[id].kind != kind) return refuse("it adds to what is neither a list nor a dict");
    if (items_[id].is_held || std::find(elements.begin(), elements.end(), id) != elements.end()) {
      return refuse("it adds to a list or dict that another value already holds");
    }
    hold(elements, items_[id]);
    if (items_[id].depth > kMostDepth) return refuse("values are nested more than 100 deep");
    return absl::OkStatus();
  }

  absl::Status memoize(uint64_t index) {
    if (stack_.empty()) return refuse("an instruction finds nothing to work on");
    // The unpickler keeps a table of all indices up to the largest.
    if (index > bytes_.size()) return refuse("it numbers a value beyond all reason");
    memo_[index] = stack_.back();
    return absl::OkStatus();
  }

  absl::Status recall(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) return refuse("it asks for a value that is not there");
    stack_.push_back(found->second);
    return absl::OkStatus();
  }

  absl::Status global() {
    PARE_ASSIGN_OR_RETURN(const std::string_view module, take_line());
    PARE_ASSIGN_OR_RETURN(const std::string_view name, take_line());
    names_.push_back(std::make_unique<std::string>(absl::StrCat(std::string(module), ".", std::string(name))));
    const std::string& full = *names_.back();
    const Callable callable = callable_of(full);
    if (callable == Callable::kNone && !is_enumerator(full)) {
      return absl::UnimplementedError(
          absl::StrCat(std::string(what_), " is refused: it has an object of ", absl::CHexEscape(full),
                       ", and only tensors, numbers, texts, containers and objects of TorchScript classes are read"));
    }
    if (callable == Callable::kClass && !rules_.may_have_classes) {
      return refuse(absl::StrCat("it has an object of class ", absl::CHexEscape(full), " where only tensors belong"));
    }
    return push({.kind = Kind::kGlobal, .callable = callable, .text = full});
  }

  const Item& element(const Item& tuple, size_t index) const { return items_[elements_[tuple.begin + index]]; }

  absl::Status storage() {
    PARE_ASSIGN_OR_RETURN(const Id id, pop());
    const Item args = items_[id];
    const bool is_storage = args.kind == Kind::kTuple && args.size == 5 && element(args, 0).text == "storage" &&
                            element(args, 1).kind == Kind::kGlobal && storages().count(element(args, 1).text) > 0 &&
                            element(args, 2).kind == Kind::kText && element(args, 3).kind == Kind::kText &&
                            element(args, 4).kind == Kind::kInt;
    if (!is_storage) return refuse("it describes a storage as LibTorch does not");
    const std::string key(element(args, 2).text);
    const int64_t count = element(args, 4).number;
    if (count < 0) return refuse("a storage has a negative size");
    if (count > 0) {
      const std::optional<uint64_t> size = rules_.record_size ? rules_.record_size(key) : std::nullopt;
      if (!size.has_value()) return refuse(absl::StrCat("the file has no record of storage ", absl::CHexEscape(key)));
      if (static_cast<uint64_t>(count) > *size / storages().at(element(args, 1).text)) {
        return refuse(absl::StrCat("storage ", absl::CHexEscape(key), " is said to have ", count,
                                   " elements, more than its record of ", *size, " bytes holds"));
      }
    }
    return push({.kind = Kind::kStorage, .number = count});
  }

  // Whether a tensor of these sizes and strides stays within its storage.
  bool fits(const Item& storage, const Item& offset, const Item& sizes, const Item& strides) const {
    if (storage.kind != Kind::kStorage || offset.kind != Kind::kInt || sizes.kind != Kind::kTuple ||
        strides.kind != Kind::kTuple || sizes.size != strides.size || offset.number < 0) {
      return false;
    }
    using Wide = unsigned __int128;
    bool is_empty = false;
    Wide last = static_cast<Wide>(offset.number), count = 1;
    for (size_t i = 0; i < sizes.size; ++i) {
      const Item &size = element(sizes, i), &stride = element(strides, i);
      if (size.kind != Kind::kInt || stride.kind != Kind::kInt || size.number < 0 || stride.number < 0) return false;
      is_empty |= size.number == 0;
      if (size.number == 0) continue;
      count *= static_cast<Wide>(size.number);
      last += static_cast<Wide>(size.number - 1) * static_cast<Wide>(stride.number);
      if (count > std::numeric_limits<int64_t>::max() || last > std::numeric_limits<int64_t>::max()) return false;
    }
    return is_empty || last < static_cast<Wide>(storage.number);
  }

  // A type written as text, which LibTorch parses by recursion: brackets as deep as values may be.
  static bool is_shallow(std::string_view type) {
    uint32_t depth = 0, most = 0;
    for (const char byte : type) {
      if (byte == '[' || byte == '(' || byte == '{') most = std::max(most, ++depth);
      if ((byte == ']' || byte == ')' || byte == '}') && depth > 0) --depth;
    }
    return most <= kMostDepth && type.size() <= 100'000;
  }

  absl::Status call() {
    PARE_ASSIGN_OR_RETURN(const Id argument_id, pop());
    PARE_ASSIGN_OR_RETURN(const Id callable_id, pop());
    const Item argument = items_[argument_id], callable = items_[callable_id];
    if (callable.kind != Kind::kGlobal) return refuse("it calls what is no callable");
    const bool is_tuple = argument.kind == Kind::kTuple;
    Item result;
    result.depth = argument.depth;
    switch (callable.callable) {
      case Callable::kTypeTag:
        if (!is_tuple || argument.size != 2 || element(argument, 1).kind != Kind::kText ||
            !is_shallow(element(argument, 1).text)) {
          return refuse("it describes a type as LibTorch does not");
        }
        stack_.push_back(elements_[argument.begin]);
        return absl::OkStatus();
      case Callable::kList:
        if (!is_tuple || argument.size != 1 || element(argument, 0).kind != Kind::kList) {
          return refuse("it makes a typed list of what is no list");
        }
        stack_.push_back(elements_[argument.begin]);
        return absl::OkStatus();
      case Callable::kTensor:
      case Callable::kQuantizedTensor:
        if (!is_tuple || argument.size < 6 ||
            !fits(element(argument, 0), element(argument, 1), element(argument, 2), element(argument, 3))) {
          return refuse("a tensor reaches beyond its storage, or is described as LibTorch does not");
        }
        return push(result);
      case Callable::kClass:
        // A dict of its attributes; of an enum, a tuple with the value.
        if (argument.kind != Kind::kDict && !is_tuple) return refuse("an object is made of neither a dict nor a tuple");
        items_[argument_id].is_held = true;
        ++result.depth;
        return push(result);
      case Callable::kDropped:
      case Callable::kComplex:
      case Callable::kDevice:
        return push(result);
      case Callable::kNone:
        break;
    }
    return refuse("it calls what is no callable");
  }

  absl::Status step() {
    PARE_ASSIGN_OR_RETURN(const uint64_t code, take_number(1));
    switch (code) {
      case '(':
        marks_.push_back(stack_.size());
        return absl::OkStatus();
      case ']':
        return push({.kind = Kind::kList});
      case '}':
        return push({.kind = Kind::kDict});
      case ')':
        return push_tuple({});
      case 't': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, pop_to_mark());
        return push_tuple(elements);
      }
      case 0x85:
      case 0x86:
      case 0x87:
        return push_small_tuple(code - 0x84);
      case 'l':
      case 'd': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, pop_to_mark());
        const Kind kind = code == 'l' ? Kind::kList : Kind::kDict;
        PARE_RETURN_IF_ERROR(push({.kind = kind}));
        return add_to(kind, elements);
      }
      case 'e':
      case 'u': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, pop_to_mark());
        return add_to(code == 'e' ? Kind::kList : Kind::kDict, elements);
      }
      case 's': {
        std::vector<Id> entry(2);
        PARE_ASSIGN_OR_RETURN(entry[1], pop());
        PARE_ASSIGN_OR_RETURN(entry[0], pop());
        return add_to(Kind::kDict, entry);
      }
      case 'N':
      case 0x88:
      case 0x89:
        return push({});
      case 'G':
        PARE_RETURN_IF_ERROR(take(8).status());
        return push({});
      case 'K':
      case 'M': {
        PARE_ASSIGN_OR_RETURN(const uint64_t value, take_number(code == 'K' ? 1 : 2));
        return push_int(static_cast<int64_t>(value));
      }
      case 'J': {
        PARE_ASSIGN_OR_RETURN(const uint64_t value, take_number(4));
        return push_int(static_cast<int32_t>(value));
      }
      case 0x8a: {
        PARE_ASSIGN_OR_RETURN(const uint64_t size, take_number(1));
        if (size != 8) return refuse("an integer has not 8 bytes");
        PARE_ASSIGN_OR_RETURN(const uint64_t value, take_number(8));
        return push_int(static_cast<int64_t>(value));
      }
      case 'X': {
        PARE_ASSIGN_OR_RETURN(const uint64_t size, take_number(4));
        PARE_ASSIGN_OR_RETURN(const std::string_view text, take(size));
        return push({.kind = Kind::kText, .text = text});
      }
      case 'q':
      case 'r': {
        PARE_ASSIGN_OR_RETURN(const uint64_t index, take_number(code == 'q' ? 1 : 4));
        return memoize(index);
      }
      case 'h':
      case 'j': {
        PARE_ASSIGN_OR_RETURN(const uint64_t index, take_number(code == 'h' ? 1 : 4));
        return recall(index);
      }
      case 'c':
        return global();
      case 0x81: {  // an object without arguments: BUILD makes it
        PARE_ASSIGN_OR_RETURN(const Id arguments, pop());
        if (items_[arguments].kind != Kind::kTuple) return refuse("an object is made without arguments");
        return absl::OkStatus();
      }
      case 'R':
      case 'b':
        return call();
      case 'Q':
        return storage();
      case '.':
        if (stack_.size() != 1 || !marks_.empty()) return refuse("it ends with more or less than one value");
        has_stopped_ = true;
        return absl::OkStatus();
      default:
        return refuse(absl::StrCat("instruction ", code, " is none that LibTorch writes"));
    }
  }

  std::string_view bytes_;
  const PickleRules& rules_;
  std::string_view what_;
  size_t at_ = 0;
  bool has_stopped_ = false;
  std::vector<Item> items_;
  std::vector<Id> elements_, stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Id> memo_;
  std::vector<std::unique_ptr<std::string>> names_;
};

}  // namespace

absl::Status check_pickle(std::string_view bytes, const PickleRules& rules, std::string_view what) {
  return Walk(bytes, rules, what).run();
}

}  // namespace pare
