#include "base/pickle_names.h"

#include <algorithm>
#include <unordered_map>

#include "absl/strings/ascii.h"

namespace pare {
namespace {

constexpr size_t kMostKeyBytes = 1000;
constexpr size_t kMostTypeBytes = 10'000;
constexpr int kMostBrackets = 100;
constexpr int kMostNameBytes = 1000;  // a step of the recursion for every dot

bool is_word(char byte) { return absl::ascii_isalnum(static_cast<unsigned char>(byte)) || byte == '_'; }

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

PickleCallable pickle_callable(std::string_view name) {
  static const auto* const callables = new std::unordered_map<std::string_view, PickleCallable>{
      {"torch.jit._pickle.restore_type_tag", PickleCallable::kTypeTag},
      {"torch.jit._pickle.build_intlist", PickleCallable::kList},
      {"torch.jit._pickle.build_doublelist", PickleCallable::kList},
      {"torch.jit._pickle.build_boollist", PickleCallable::kList},
      {"torch.jit._pickle.build_tensorlist", PickleCallable::kList},
      {"torch._utils._rebuild_tensor_v2", PickleCallable::kTensor},
      {"torch._utils._rebuild_qtensor", PickleCallable::kQuantizedTensor},
      {"collections.OrderedDict", PickleCallable::kDropped},
      {"builtins.complex", PickleCallable::kComplex},
      {"torch.device", PickleCallable::kDevice},
  };
  const auto found = callables->find(name);
  if (found != callables->end()) return found->second;
  // "__torch__.torch.classes" are C++ classes, whose own code would read the rest.
  const bool is_file_class = starts_with(name, "__torch__.") && !starts_with(name, "__torch__.torch.classes.");
  return is_file_class ? PickleCallable::kClass : PickleCallable::kNone;
}

uint64_t storage_element_size(std::string_view name) {
  static const auto* const sizes = new std::unordered_map<std::string_view, uint64_t>{
      {"torch.BoolStorage", 1},           {"torch.ByteStorage", 1},        {"torch.CharStorage", 1},
      {"torch.ShortStorage", 2},          {"torch.IntStorage", 4},         {"torch.LongStorage", 8},
      {"torch.HalfStorage", 2},           {"torch.BFloat16Storage", 2},    {"torch.FloatStorage", 4},
      {"torch.DoubleStorage", 8},         {"torch.ComplexHalfStorage", 4}, {"torch.ComplexFloatStorage", 8},
      {"torch.ComplexDoubleStorage", 16}, {"torch.QInt8Storage", 1},       {"torch.QUInt8Storage", 1},
      {"torch.QInt32Storage", 4},         {"torch.QUInt4x2Storage", 1},    {"torch.QUInt2x4Storage", 1},
  };
  const auto found = sizes->find(name);
  return found == sizes->end() ? 0 : found->second;
}

bool is_per_tensor_scheme(std::string_view name) { return name == "torch.per_tensor_affine"; }

bool is_per_channel_scheme(std::string_view name) {
  return name == "torch.per_channel_affine" || name == "torch.per_channel_affine_float_qparams";
}

bool is_storage_key(std::string_view key) {
  return !key.empty() && key.size() <= kMostKeyBytes &&
         std::none_of(key.begin(), key.end(), [](unsigned char byte) { return absl::ascii_iscntrl(byte); });
}

bool is_storage_device(std::string_view device) {
  const std::string_view type = device.substr(0, device.find(':'));
  const auto is_name = [](unsigned char byte) { return absl::ascii_isalnum(byte) || byte == ':'; };
  return !type.empty() && type != "meta" && std::all_of(device.begin(), device.end(), is_name);
}

bool is_type_text(std::string_view text) {
  if (text.empty() || text.size() > kMostTypeBytes) return false;
  int open = 0, name_size = 0;
  char before = ',';
  for (const char byte : text) {
    const bool is_name = is_word(byte) || byte == '.';
    name_size = is_name ? name_size + 1 : 0;
    if (name_size > kMostNameBytes) return false;
    switch (byte) {
      case '[':
      case '(':
        // What is applied to an applied type nests without end, and is no type.
        if (before == ']' || before == ')' || ++open > kMostBrackets) return false;
        break;
      case ']':
      case ')':
        if (--open < 0) return false;
        break;
      case ' ':
        // Elsewhere it would part a keyword from what follows: "not not a".
        if (before != ',') return false;
        break;
      case ',':
        break;
      default:
        if (!is_name) return false;
    }
    before = byte;
  }
  return open == 0;
}

}  // namespace pare
