#include "base/pickle_check.h"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/pickle_machine.h"
#include "base/pickle_names.h"
#include "base/status_macros.h"

namespace pare {
namespace {

constexpr uint8_t kMostDepth = 100;
constexpr size_t kMostDimensions = 64;  // LibTorch's kernels take no more

// There may be one for each of the program's instructions: 16 bytes.
struct Item {
  enum class Kind : uint8_t { kOther, kInt, kText, kGlobal, kTuple, kList, kDict, kStorage, kTensor };
  Kind kind = Kind::kOther;
  PickleCallable callable = PickleCallable::kNone;  // kGlobal; kText: kTypeTag, if it has been found to be a type
  uint8_t depth = 0;
  bool is_held = false;  // by another value: it must not change any more, or it could come to hold itself
  uint32_t size = 0;     // kText: of it; kTuple: its elements; kTensor: its dimensions
  // kInt: itself; kStorage: its elements; kGlobal: which of the names; kText: where it begins in the program;
  // kTuple: where its elements begin; kTensor: where its sizes do.
  int64_t number = 0;
};
static_assert(sizeof(Item) == 16);

using Kind = Item::Kind;
using Id = PickleMachine::Id;

class Walk {
 public:
  Walk(std::string_view bytes, const PickleRules& rules, std::string_view what)
      : rules_(rules), what_(what), machine_(bytes, what) {}

  absl::Status run() {
    PARE_RETURN_IF_ERROR(machine_.start());
    while (!has_stopped_) PARE_RETURN_IF_ERROR(step());
    return absl::OkStatus();
  }

 private:
  absl::Status refuse(std::string_view why) const { return machine_.refuse(why); }

  absl::Status push(Item item) {
    if (item.depth > kMostDepth) return refuse("values are nested more than 100 deep");
    items_.push_back(item);
    machine_.push(static_cast<Id>(items_.size() - 1));
    return absl::OkStatus();
  }

  absl::Status push_tuple(const std::vector<Id>& elements) {
    Item tuple{.kind = Kind::kTuple,
               .size = static_cast<uint32_t>(elements.size()),
               .number = static_cast<int64_t>(elements_.size())};
    elements_.insert(elements_.end(), elements.begin(), elements.end());
    hold(elements, tuple);
    return push(tuple);
  }

  void hold(const std::vector<Id>& elements, Item& holder) {
    for (const Id id : elements) {
      items_[id].is_held = true;
      holder.depth = std::max(holder.depth, static_cast<uint8_t>(items_[id].depth + 1));
    }
  }

  absl::Status add_to(Kind kind, const std::vector<Id>& elements) {
    if (kind == Kind::kDict && elements.size() % 2 != 0) return refuse("a key has no value");
    PARE_ASSIGN_OR_RETURN(const Id id, machine_.top());
    if (items_[id].kind != kind) return refuse("it adds to what is neither a list nor a dict");
    if (items_[id].is_held || std::find(elements.begin(), elements.end(), id) != elements.end()) {
      return refuse("it adds to a list or dict that another value already holds");
    }
    hold(elements, items_[id]);
    if (items_[id].depth > kMostDepth) return refuse("values are nested more than 100 deep");
    return absl::OkStatus();
  }

  absl::Status global() {
    PARE_ASSIGN_OR_RETURN(std::string name, machine_.take_global());
    const PickleCallable callable = pickle_callable(name);
    const bool is_enumerator =
        storage_element_size(name) > 0 || is_per_tensor_scheme(name) || is_per_channel_scheme(name);
    if (callable == PickleCallable::kNone && !is_enumerator) {
      return absl::UnimplementedError(
          absl::StrCat(std::string(what_), " is refused: it has an object of ", absl::CHexEscape(name),
                       ", and only tensors, numbers, texts, containers and objects of TorchScript classes are read"));
    }
    if (callable == PickleCallable::kClass) {
      if (!rules_.may_have_classes) {
        return refuse(absl::StrCat("it has an object of class ", name, " where only tensors belong"));
      }
      if (rules_.enum_classes.count(name.substr(name.rfind('.') + 1)) > 0) return refuse_enum(name);
    }
    names_.push_back(std::move(name));
    return push({.kind = Kind::kGlobal, .callable = callable, .number = static_cast<int64_t>(names_.size() - 1)});
  }

  // For a value that is none of the enum's, LibTorch pushes nothing: its stack would be another than ours.
  absl::Status refuse_enum(std::string_view name) const {
    return absl::UnimplementedError(
        absl::StrCat(std::string(what_), " is refused: it has an object of the enum ", std::string(name),
                     ", which LibTorch reads without a look at what is there; save the value itself instead"));
  }

  std::string_view text_of(const Item& item) const {
    if (item.kind == Kind::kText) return machine_.bytes().substr(static_cast<size_t>(item.number), item.size);
    return item.kind == Kind::kGlobal ? std::string_view(names_[static_cast<size_t>(item.number)]) : std::string_view();
  }

  Id element_id(const Item& tuple, size_t index) const { return elements_[static_cast<size_t>(tuple.number) + index]; }
  const Item& element(const Item& tuple, size_t index) const { return items_[element_id(tuple, index)]; }

  absl::Status storage() {
    PARE_ASSIGN_OR_RETURN(const Id id, machine_.pop());
    const Item args = items_[id];
    const bool is_storage = args.kind == Kind::kTuple && args.size == 5 && text_of(element(args, 0)) == "storage" &&
                            element(args, 1).kind == Kind::kGlobal &&
                            storage_element_size(text_of(element(args, 1))) > 0 &&
                            element(args, 2).kind == Kind::kText && element(args, 3).kind == Kind::kText &&
                            is_storage_device(text_of(element(args, 3))) && element(args, 4).kind == Kind::kInt;
    if (!is_storage) return refuse("it describes a storage as LibTorch does not");
    const std::string_view key_text = text_of(element(args, 2));
    if (!is_storage_key(key_text)) {
      return refuse("a storage's key has control characters, or is empty or longer than 1,000 bytes");
    }
    const std::string key(key_text);
    const int64_t count = element(args, 4).number;
    if (count < 0) return refuse("a storage has a negative size");
    if (count > 0) {
      const std::optional<uint64_t> size = rules_.record_size ? rules_.record_size(key) : std::nullopt;
      if (!size.has_value()) return refuse(absl::StrCat("the file has no record of storage ", absl::CHexEscape(key)));
      if (static_cast<uint64_t>(count) > *size / storage_element_size(text_of(element(args, 1)))) {
        return refuse(absl::StrCat("storage ", absl::CHexEscape(key), " is said to have ", count,
                                   " elements, more than its record of ", *size, " bytes holds"));
      }
      // Each time takes the record's memory anew.
      if (!storages_.insert(key_text).second) {
        return refuse(absl::StrCat("it reads storage ", absl::CHexEscape(key), " more than once"));
      }
    }
    return push({.kind = Kind::kStorage, .number = count});
  }

  // Whether a tensor of these sizes and strides stays within its storage.
  bool fits(const Item& storage, const Item& offset, const Item& sizes, const Item& strides) const {
    if (storage.kind != Kind::kStorage || offset.kind != Kind::kInt || sizes.kind != Kind::kTuple ||
        strides.kind != Kind::kTuple || sizes.size != strides.size || sizes.size > kMostDimensions ||
        offset.number < 0) {
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

  // Whether a tensor of these sizes has a scale for each of its channels, which its kernels index unchecked.
  bool has_scales(const Item& sizes, const Item& scheme) const {
    if (scheme.kind != Kind::kTuple || scheme.size < 3 || element(scheme, 0).kind != Kind::kGlobal) return false;
    const std::string_view name = text_of(element(scheme, 0));
    if (is_per_tensor_scheme(name)) return scheme.size == 3 && element(scheme, 2).kind == Kind::kInt;
    if (!is_per_channel_scheme(name) || scheme.size != 4 || element(scheme, 3).kind != Kind::kInt) return false;
    const int64_t axis = element(scheme, 3).number;
    if (axis < 0 || axis >= sizes.size) return false;
    const int64_t channels = element(sizes, static_cast<size_t>(axis)).number;
    const auto has_one_each = [&](const Item& values) {
      return values.kind == Kind::kTensor && values.size == 1 && element(values, 0).number == channels;
    };
    return has_one_each(element(scheme, 1)) && has_one_each(element(scheme, 2));
  }

  absl::Status tensor(const Item& argument, bool is_quantized, Item result) {
    if (argument.kind != Kind::kTuple || argument.size < 6 ||
        !fits(element(argument, 0), element(argument, 1), element(argument, 2), element(argument, 3))) {
      return refuse("a tensor reaches beyond its storage, or is described as LibTorch does not");
    }
    const Item& sizes = element(argument, 2);
    if (is_quantized && !has_scales(sizes, element(argument, 4))) {
      return refuse("a quantized tensor has not a scale and a zero point for each channel");
    }
    result.kind = Kind::kTensor;
    result.size = sizes.size;
    result.number = sizes.number;
    return push(result);
  }

  // LibTorch's parser reads the text of a type, and takes much that is none. Each is looked at once: many values may
  // share one.
  absl::Status check_type(Item& type) const {
    if (type.kind != Kind::kText) return refuse("it describes a type as LibTorch does not");
    if (type.callable == PickleCallable::kTypeTag) return absl::OkStatus();
    if (!is_type_text(text_of(type))) {
      return refuse(
          "a type's text is none that LibTorch writes: names in brackets, 100 deep and of 10,000 bytes at most, such "
          "as Dict[str, List[int]]");
    }
    type.callable = PickleCallable::kTypeTag;
    return absl::OkStatus();
  }

  absl::Status call() {
    PARE_ASSIGN_OR_RETURN(const Id argument_id, machine_.pop());
    PARE_ASSIGN_OR_RETURN(const Id callable_id, machine_.pop());
    const Item argument = items_[argument_id], callable = items_[callable_id];
    if (callable.kind != Kind::kGlobal) return refuse("it calls what is no callable");
    const bool is_tuple = argument.kind == Kind::kTuple;
    Item result;
    result.depth = argument.depth;
    switch (callable.callable) {
      case PickleCallable::kTypeTag:
        if (!is_tuple || argument.size != 2) return refuse("it describes a type as LibTorch does not");
        PARE_RETURN_IF_ERROR(check_type(items_[element_id(argument, 1)]));
        machine_.push(element_id(argument, 0));
        return absl::OkStatus();
      case PickleCallable::kList:
        if (!is_tuple || argument.size != 1 || element(argument, 0).kind != Kind::kList) {
          return refuse("it makes a typed list of what is no list");
        }
        machine_.push(element_id(argument, 0));
        return absl::OkStatus();
      case PickleCallable::kTensor:
      case PickleCallable::kQuantizedTensor:
        return tensor(argument, callable.callable == PickleCallable::kQuantizedTensor, result);
      case PickleCallable::kClass:
        // An enum's object is made of its value, and of nothing at all where LibTorch does not know the value: its
        // stack would be another than ours.
        if (argument.kind != Kind::kDict) {
          return refuse(absl::StrCat("an object of class ", std::string(text_of(callable)),
                                     " is made of no dict; if the class is an enum, save the value itself instead"));
        }
        items_[argument_id].is_held = true;
        ++result.depth;
        return push(result);
      case PickleCallable::kDropped:
      case PickleCallable::kComplex:
      case PickleCallable::kDevice:
        return push(result);
      case PickleCallable::kNone:
        break;
    }
    return refuse("it calls what is no callable");
  }

  absl::Status step() {
    PARE_ASSIGN_OR_RETURN(const uint8_t code, machine_.next_instruction());
    switch (code) {
      case '(':
        machine_.mark();
        return absl::OkStatus();
      case ']':
        return push({.kind = Kind::kList});
      case '}':
        return push({.kind = Kind::kDict});
      case ')':
        return push_tuple({});
      case 't': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, machine_.pop_to_mark());
        return push_tuple(elements);
      }
      case 0x85:
      case 0x86:
      case 0x87: {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, machine_.pop_some(code - 0x84));
        return push_tuple(elements);
      }
      case 'l':
      case 'd': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, machine_.pop_to_mark());
        const Kind kind = code == 'l' ? Kind::kList : Kind::kDict;
        PARE_RETURN_IF_ERROR(push({.kind = kind}));
        return add_to(kind, elements);
      }
      case 'e':
      case 'u': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> elements, machine_.pop_to_mark());
        return add_to(code == 'e' ? Kind::kList : Kind::kDict, elements);
      }
      case 's': {
        PARE_ASSIGN_OR_RETURN(const std::vector<Id> entry, machine_.pop_some(2));
        return add_to(Kind::kDict, entry);
      }
      case 'N':
      case 0x88:
      case 0x89:
        return push({});
      case 'G':
        PARE_RETURN_IF_ERROR(machine_.take(8).status());
        return push({});
      case 'K':
      case 'M':
      case 'J':
      case 0x8a: {
        PARE_ASSIGN_OR_RETURN(const int64_t value, machine_.take_int(code));
        return push({.kind = Kind::kInt, .number = value});
      }
      case 'X': {
        PARE_ASSIGN_OR_RETURN(const std::string_view text, machine_.take_text());
        return push({.kind = Kind::kText,
                     .size = static_cast<uint32_t>(text.size()),
                     .number = text.data() - machine_.bytes().data()});
      }
      case 'q':
      case 'r':
        return machine_.memoize(code == 'q' ? 1 : 4);
      case 'h':
      case 'j':
        return machine_.recall(code == 'h' ? 1 : 4);
      case 'c':
        return global();
      case 0x81: {  // an object without arguments: BUILD makes it
        PARE_ASSIGN_OR_RETURN(const Id arguments, machine_.pop());
        if (items_[arguments].kind != Kind::kTuple) return refuse("an object is made without arguments");
        return absl::OkStatus();
      }
      case 'R':
      case 'b':
        return call();
      case 'Q':
        return storage();
      case '.':
        has_stopped_ = true;
        return machine_.result().status();
      default:
        return refuse(absl::StrCat("instruction ", code, " is none that LibTorch writes"));
    }
  }

  const PickleRules& rules_;
  std::string_view what_;
  PickleMachine machine_;
  bool has_stopped_ = false;
  std::vector<Item> items_;
  std::vector<Id> elements_;
  std::vector<std::string> names_;
  std::unordered_set<std::string_view> storages_;
};

}  // namespace

absl::Status check_pickle(std::string_view bytes, const PickleRules& rules, std::string_view what) {
  return Walk(bytes, rules, what).run();
}

}  // namespace pare
