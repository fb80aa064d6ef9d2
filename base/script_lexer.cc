#include "base/script_lexer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare {
namespace {

// What LibTorch's writer makes nests a dozen deep; its parser takes some hundred bytes of stack a level.
constexpr int kMostNesting = 400;
constexpr size_t kMostIndentation = 400;
constexpr int kMostEmptyLines = 1000;  // LibTorch's lexer skips them by recursion
constexpr size_t kMostTokens = 1'000'000;

// LibTorch's symbols of more than one character; of those that fit, the longest counts.
constexpr std::string_view kSymbols[] = {"<<=", ">>=", "**=", "<=>", "...", "!=", "==", "<=", ">=", "//", "<<",
                                         ">>",  "+=",  "-=",  "*=",  "/=",  "%=", "&=", "|=", "^=", "**", "->"};
constexpr std::string_view kSingles = "+-*/%@()[]:,={}><.?!&^|~";

bool is_digit(char byte) { return absl::ascii_isdigit(static_cast<unsigned char>(byte)); }
bool is_word(char byte) { return absl::ascii_isalnum(static_cast<unsigned char>(byte)) || byte == '_'; }

size_t digits(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

// Of a decimal number, as strtod() reads it, and an imaginary one's "j". 0 for what only looks like a number (0x1, 1a).
size_t number_length(std::string_view text) {
  size_t size = digits(text, 0);
  size_t count = size;
  if (size < text.size() && text[size] == '.') {
    const size_t fraction = digits(text, size + 1);
    count += fraction;
    size += 1 + fraction;
  }
  if (count == 0) return 0;
  if (size < text.size() && (text[size] == 'e' || text[size] == 'E')) {
    const bool has_sign = size + 1 < text.size() && (text[size + 1] == '+' || text[size + 1] == '-');
    const size_t exponent = digits(text, size + 1 + (has_sign ? 1 : 0));
    if (exponent == 0) return 0;
    size += 1 + (has_sign ? 1 : 0) + exponent;
  }
  if (size < text.size() && text[size] == 'j') ++size;
  return size < text.size() && (is_word(text[size]) || text[size] == '.') ? 0 : size;
}

// Whether an escape stands for a zero byte: "\0", "\000", and "\400", of which LibTorch takes the last eight bits. It
// has none in hexadecimal digits.
bool is_zero_byte(std::string_view escape) {
  int value = 0;
  size_t size = 1;
  while (size < escape.size() && size < 4 && escape[size] >= '0' && escape[size] <= '7') {
    value = value * 8 + (escape[size++] - '0');
  }
  return size > 1 && value % 256 == 0;
}

}  // namespace

absl::Status ScriptLexer::error(const std::string& message) const {
  return absl::InvalidArgumentError(absl::StrCat(what_, ", line ", statement_.line, ": ", message));
}

// To the first word of the next line that has one; counts its indentation.
absl::Status ScriptLexer::skip_empty_lines() {
  int empty = 0;
  while (at_ < text_.size()) {
    statement_.line = line_;
    const size_t first = std::min(text_.find_first_not_of(' ', at_), text_.size());
    if (first < text_.size() && text_[first] != '\n' && text_[first] != '#') {
      if (first - at_ > kMostIndentation) {
        return error(absl::StrCat("is indented by ", first - at_, " characters, more than LibTorch's parser is given"));
      }
      statement_.indentation = first - at_;
      at_ = first;
      return absl::OkStatus();
    }
    if (text_.substr(first, 7) == "# type:") return error("has a type comment; write the types into the signature");
    at_ = std::min(text_.find('\n', first), text_.size());
    if (at_ < text_.size()) ++at_;
    ++line_;
    if (++empty > kMostEmptyLines) return error("follows more than 1,000 empty lines on end");
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> ScriptLexer::text_length() const {
  const char quote = text_[at_];
  if (text_.substr(at_, 3) == std::string(3, quote)) return error("has a text in three quotes; write it in one line");
  for (size_t end = at_ + 1; end < text_.size() && text_[end] != '\n'; ++end) {
    if (text_[end] == quote) return end + 1 - at_;
    if (text_[end] != '\\' && text_[end] != '\0') continue;
    if (text_[end] == '\0' || is_zero_byte(text_.substr(end, 4))) return error("has a zero byte in a text");
    if (++end < text_.size() && text_[end] == '\n') break;
  }
  return error("has a text that does not end on its line");
}

// Counts how deep the tree of the statement's expression may be: a level for every open bracket, and one for every
// operator, call, attribute or keyword that follows another without a comma between.
absl::Status ScriptLexer::nest(const ScriptToken& token) {
  bool is_deeper = token.kind == ScriptToken::Kind::kSymbol;
  if (token.kind == ScriptToken::Kind::kName) {
    static constexpr std::string_view kOperators[] = {"not", "and", "or", "if", "else", "in", "is", "lambda", "for"};
    is_deeper = std::find(std::begin(kOperators), std::end(kOperators), token.text) != std::end(kOperators);
  } else if (token == "(" || token == "[" || token == "{") {
    open_.push_back(token.text[0] == '(' ? ')' : token.text[0] == '[' ? ']' : '}');
    outer_.push_back(nesting_);
  } else if (token == ")" || token == "]" || token == "}") {
    if (open_.empty() || open_.back() != token.text[0]) return error("closes a bracket that is not open");
    nesting_ = outer_.back();  // and what follows is applied to all of it
    open_.pop_back();
    outer_.pop_back();
  } else if (token == ",") {
    nesting_ = outer_.empty() ? 0 : outer_.back() + 1;
    is_deeper = false;
  } else if (token == ":") {
    is_deeper = false;
  }
  if (is_deeper && ++nesting_ > kMostNesting) {
    return error("is nested more than 400 deep, more than LibTorch's parser is given");
  }
  return absl::OkStatus();
}

absl::Status ScriptLexer::add_token() {
  const char byte = text_[at_];
  ScriptToken token;
  size_t size = 0;
  if (absl::ascii_isalpha(static_cast<unsigned char>(byte)) || byte == '_') {
    token.kind = ScriptToken::Kind::kName;
    while (at_ + size < text_.size() && is_word(text_[at_ + size])) ++size;
  } else if (byte == '"' || byte == '\'') {
    token.kind = ScriptToken::Kind::kText;
    PARE_ASSIGN_OR_RETURN(size, text_length());
  } else if (is_digit(byte) || (byte == '.' && digits(text_, at_ + 1) > 0)) {
    token.kind = ScriptToken::Kind::kNumber;
    size = number_length(text_.substr(at_));
    if (size == 0) return error("has a number that LibTorch does not write");
  } else {
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_, symbol.size()) == symbol) size = std::max(size, symbol.size());
    }
    if (size == 0 && kSingles.find(byte) != std::string_view::npos) size = 1;
    if (size == 0) {
      return error(absl::StrCat("has the byte ", static_cast<int>(static_cast<unsigned char>(byte)),
                                " outside of a text, which LibTorch does not write"));
    }
  }
  token.text = text_.substr(at_, size);
  at_ += size;
  PARE_RETURN_IF_ERROR(nest(token));
  if (is_kept_ || statement_.tokens.empty()) {
    if (statement_.tokens.size() == kMostTokens) return error("has more than a million words");
    statement_.tokens.push_back(token);
  }
  return absl::OkStatus();
}

absl::StatusOr<const ScriptStatement*> ScriptLexer::next(size_t keep_up_to) {
  statement_.tokens.clear();
  open_.clear();
  outer_.clear();
  nesting_ = 0;
  PARE_RETURN_IF_ERROR(skip_empty_lines());
  if (at_ == text_.size()) return nullptr;
  is_kept_ = statement_.indentation <= keep_up_to;
  int empty = 0;
  while (at_ < text_.size()) {
    const char byte = text_[at_];
    if (byte == ' ') {
      ++at_;
    } else if (byte == '#') {
      if (text_.substr(at_, 7) == "# type:") return error("has a type comment; write the types into the signature");
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (byte == '\n') {
      ++at_;
      ++line_;
      if (open_.empty()) return &statement_;
      if (++empty > kMostEmptyLines) return error("has more than 1,000 empty lines on end");
    } else {
      PARE_RETURN_IF_ERROR(add_token());
      empty = 0;
      if (statement_.tokens.size() == 1) is_kept_ |= statement_.tokens[0] == "def" || statement_.tokens[0] == "class";
    }
  }
  if (!open_.empty()) return error("ends within a bracket");
  return &statement_;
}

}  // namespace pare
