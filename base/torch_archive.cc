#include "base/torch_archive.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/pickle_check.h"
#include "base/status_macros.h"
#include "base/zip_directory.h"

namespace pare {
namespace {

constexpr uint64_t kMostText = uint64_t{1} << 27;
// What LibTorch's writer makes nests a dozen deep; its parser takes some hundred bytes of stack a level.
constexpr int kMostNesting = 400;
constexpr int kMostIndentation = 400;
constexpr int kMostEmptyLines = 1000;  // LibTorch's lexer skips them by recursion

using Records = std::map<std::string, ZipRecord>;

// The length of the string literal at `at`, by the rules of LibTorch's lexer; 0 if none starts there.
size_t literal_length(std::string_view text, size_t at) {
  const char quote = text[at];
  if (quote != '"' && quote != '\'') return 0;
  const std::string three(3, quote);
  const std::string_view mark =
      text.substr(at, 3) == three ? std::string_view(three) : std::string_view(three).substr(2);
  size_t end = at + mark.size();
  while (end < text.size() && text.substr(end, mark.size()) != mark) {
    if (text[end] == '\n' && mark.size() == 1) return 0;
    end += text[end] == '\\' ? 2 : 1;
  }
  return end < text.size() ? end + mark.size() - at : 0;
}

bool is_word(char byte) { return absl::ascii_isalnum(static_cast<unsigned char>(byte)) || byte == '_'; }

// Counts, along a statement, how deep the tree of its expression may be: a level for every open bracket, and one for
// every operator, call, attribute or keyword that follows another without a comma between.
class Nesting {
 public:
  bool add(std::string_view text, size_t& at) {
    const char byte = text[at];
    if (const size_t literal = literal_length(text, at); literal > 0) {
      at += literal;
      return true;
    }
    if (byte == '#' && text.substr(at, 7) != "# type:") {  // such a comment is code
      at = std::min(text.find('\n', at), text.size());
      return true;
    }
    ++at;
    if (absl::ascii_isalpha(static_cast<unsigned char>(byte)) || byte == '_') {
      const size_t begin = at - 1;
      while (at < text.size() && is_word(text[at])) ++at;
      const std::string_view word = text.substr(begin, at - begin);
      static constexpr std::string_view kKeywords[] = {"not", "and", "or", "if", "else", "in", "is", "lambda", "for"};
      if (std::find(std::begin(kKeywords), std::end(kKeywords), word) != std::end(kKeywords)) return deeper();
      if (word == "elif") ++branches_;
      return branches_ <= kMostNesting;
    }
    switch (byte) {
      case '(':
      case '[':
      case '{':
        outer_.push_back(depth_);
        return deeper();
      case ')':
      case ']':
      case '}':
        if (outer_.empty()) return true;
        depth_ = outer_.back();
        outer_.pop_back();
        return deeper();  // what follows is applied to all of it
      case ',':
        depth_ = outer_.empty() ? 0 : outer_.back() + 1;
        return true;
      case '\n':
        if (outer_.empty()) depth_ = 0;
        return true;
      default:
        return absl::ascii_isspace(static_cast<unsigned char>(byte)) ||
               absl::ascii_isdigit(static_cast<unsigned char>(byte)) || byte == ':' || deeper();
    }
  }

  void end_function() { branches_ = 0; }

 private:
  bool deeper() { return ++depth_ <= kMostNesting; }

  std::vector<int> outer_;
  int depth_ = 0, branches_ = 0;
};

}  // namespace

namespace {

// Whether a default argument, or a class's constant (Final[...]), calls something: LibTorch evaluates both while it
// opens the file. Strings are no exception: what looks like a call in them is refused too.
bool calls_in_constant(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < text.size() && is_word(text[at])) ++at;
    const std::string_view word = text.substr(begin, at - begin);
    if (word != "def" && word != "Final") continue;
    int depth = 0;
    bool is_open = word == "Final";  // a function's own bracket comes first
    for (size_t i = at; i < text.size(); ++i) {
      const char byte = text[i];
      if (byte == '\n' && depth == 0) break;
      if (byte == ')' || byte == ']' || byte == '}') --depth;
      if (byte == '(' || byte == '[' || byte == '{') ++depth;
      if (word == "def" && is_open && depth <= 0) break;
      if (byte != '(' || !std::exchange(is_open, true)) continue;
      const size_t last = text.find_last_not_of(" \t\r\n\\", i - 1);
      if (last != std::string_view::npos && (is_word(text[last]) || text[last] == ')' || text[last] == ']'))
        return true;
    }
  }
  return false;
}

// Whether a class has a constant without a type, which LibTorch 1.13 takes without a look, and crashes.
bool has_untyped_constant(std::string_view text) {
  static constexpr std::string_view kTypeless[] = {"__parameters__", "__buffers__", "__annotations__",
                                                   "__forward_pre_hooks__", "__forward_hooks__"};
  bool is_class = false;
  size_t body = 0;  // the indentation of the class's own lines
  for (size_t at = 0, end = 0; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const size_t indentation = line.find_first_not_of(" \t\r");
    if (indentation == std::string_view::npos) continue;
    if (indentation == 0) {
      is_class = line.substr(0, 5) == "class" && line.find("Enum") == std::string_view::npos;
      body = 0;
      continue;
    }
    if (body == 0) body = indentation;
    if (!is_class || indentation != body) continue;
    size_t after = indentation;
    while (after < line.size() && is_word(line[after])) ++after;
    const std::string_view name = line.substr(indentation, after - indentation);
    const size_t sign = line.find_first_not_of(" \t", after);
    if (sign == std::string_view::npos || line[sign] != '=') continue;
    if (std::find(std::begin(kTypeless), std::end(kTypeless), name) == std::end(kTypeless)) return true;
  }
  return false;
}

}  // namespace

absl::Status check_script_text(std::string_view text, const std::string& what) {
  // A method of this name can only stand in the text as it is.
  if (text.find("__setstate__") != std::string_view::npos) {
    return absl::UnimplementedError(
        absl::StrCat(what,
                     " has a class with a method __setstate__, which LibTorch would run while it opens the file; "
                     "Pare opens no such file (quantized modules of PyTorch are such): save a float model, or "
                     "one without that class"));
  }
  if (calls_in_constant(text)) {
    return absl::UnimplementedError(absl::StrCat(
        what,
        " calls a function in a default argument or a class's constant, which LibTorch would do while it opens the "
        "file; write the value itself"));
  }
  if (has_untyped_constant(text)) {
    return absl::InvalidArgumentError(absl::StrCat(what, " has a class with a constant that has no type"));
  }
  Nesting nesting;
  int empty_lines = 0;
  for (size_t at = 0; at < text.size();) {
    if (at == 0 || text[at - 1] == '\n') {
      const size_t first = text.find_first_not_of(" \t\r", at);
      const char begin = first == std::string_view::npos ? '\n' : text[first];
      empty_lines = begin == '\n' || begin == '#' || begin == '\\' ? empty_lines + 1 : 0;
      if (empty_lines > kMostEmptyLines) {
        return absl::InvalidArgumentError(absl::StrCat(what, " has more than 1,000 empty lines on end"));
      }
      if (begin != '\n' && first - at > kMostIndentation) {
        return absl::InvalidArgumentError(absl::StrCat(what, " has a line that is indented by ", first - at,
                                                       " characters, more than LibTorch's parser is given"));
      }
      if (absl::StartsWith(std::string(text.substr(first == std::string_view::npos ? at : first, 4)), "def ")) {
        nesting.end_function();
      }
    }
    if (!nesting.add(text, at)) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, ": the code before byte ", at, " is nested more than 400 deep, more than LibTorch's parser is given"));
    }
  }
  return absl::OkStatus();
}

absl::Status check_torch_archive(std::istream& file, const std::string& what, TorchArchive kind) {
  PARE_ASSIGN_OR_RETURN(const Records records, read_zip_directory(file, what));
  if (records.empty()) return absl::InvalidArgumentError(absl::StrCat(what, " holds nothing"));
  // LibTorch looks in the folder of the first record alone, which it finds by position; all must be in one.
  const std::string folder = records.begin()->first.substr(0, records.begin()->first.find('/') + 1);
  for (const auto& [name, record] : records) {
    const bool is_inside = !folder.empty() && absl::StartsWith(name, folder);
    const std::string inner = is_inside ? absl::AsciiStrToLower(name.substr(folder.size())) : "";
    if (!is_inside || inner == "model.json") {
      return absl::UnimplementedError(absl::StrCat(
          what, " is not in the format that torch.jit.save has written since PyTorch 1.4; save it again with that"));
    }
    const bool is_script = kind == TorchArchive::kScript;
    const std::string record_name = absl::StrCat(what, ": ", inner);
    if (absl::EndsWith(inner, ".py")) {
      PARE_ASSIGN_OR_RETURN(const std::string text, read_zip_record(file, record, kMostText, record_name));
      PARE_RETURN_IF_ERROR(check_script_text(text, record_name));
    } else if (absl::EndsWith(inner, ".pkl") || absl::EndsWith(inner, ".debug_pkl")) {
      PARE_ASSIGN_OR_RETURN(const std::string bytes, read_zip_record(file, record, kMostText, record_name));
      // data.pkl has its tensors in the folder data, constants.pkl in constants.
      const std::string tensors = name.substr(0, name.size() - 4);
      const PickleRules rules{.may_have_classes = is_script,
                              .record_size = [&](const std::string& key) -> std::optional<uint64_t> {
                                const auto found = records.find(absl::StrCat(tensors, "/", key));
                                if (found == records.end()) return std::nullopt;
                                return found->second.size;
                              }};
      PARE_RETURN_IF_ERROR(check_pickle(bytes, rules, record_name));
    }
  }
  file.clear();
  file.seekg(0);
  return absl::OkStatus();
}

}  // namespace pare
