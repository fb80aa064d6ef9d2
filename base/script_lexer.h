// base/script_lexer.h: the words of TorchScript code, as LibTorch's parser sees them.
//
//   ScriptLexer lexer(text, "net.pt: code/__torch__.py");
//   while (true) {
//     PARE_ASSIGN_OR_RETURN(const ScriptStatement* statement, lexer.next(/*keep_up_to=*/4));
//     if (statement == nullptr) break;
//     ... statement->tokens ...
//   }
//
// Only what LibTorch writes (torch/csrc/jit/serialization/python_print.cpp) is taken: ASCII outside of texts,
// indentation and gaps made of spaces, texts that end on their line, no continued lines, no type comments. What is
// taken is split exactly as LibTorch's lexer (torch/csrc/jit/frontend/lexer.h) splits it: a check of these words is a
// check of what LibTorch will read. That is why everything else is refused, though LibTorch would read it: form feeds,
// tabs, backslashes at the end of a line, texts in three quotes, and a zero byte in a text, at which LibTorch's lookup
// of a file in the archive would end.
//
// A statement ends with its line, unless a bracket is open. Its nesting is limited to 400, its indentation to 400, and
// the empty lines before it to 1,000, as LibTorch's lexer and parser are recursive. The
// time taken is proportional to the length of the text.

#ifndef PARE_BASE_SCRIPT_LEXER_H_
#define PARE_BASE_SCRIPT_LEXER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare {

struct ScriptToken {
  enum class Kind { kName, kNumber, kText, kSymbol };  // a keyword is a name
  Kind kind = Kind::kSymbol;
  std::string_view text;  // with its quotes, for a text
  friend bool operator==(const ScriptToken& token, std::string_view text) { return token.text == text; }
};

struct ScriptStatement {
  size_t indentation = 0;  // spaces
  size_t line = 0;         // the first is 1
  // All of it for a "def" or "class" and for statements that are indented by no more than `keep_up_to`; of others the
  // first alone, as there may be millions in them.
  std::vector<ScriptToken> tokens;
};

class ScriptLexer {
 public:
  // `text` has to outlive it and what it returns. Errors begin with `what`.
  ScriptLexer(std::string_view text, std::string what) : text_(text), what_(std::move(what)) {}

  // The next statement, valid until the next call; nullptr at the end. InvalidArgument as described above.
  absl::StatusOr<const ScriptStatement*> next(size_t keep_up_to);

  // An error about the line of the last statement.
  absl::Status error(const std::string& message) const;

 private:
  absl::Status skip_empty_lines();
  absl::Status add_token();
  absl::StatusOr<size_t> text_length() const;
  absl::Status nest(const ScriptToken& token);

  std::string_view text_;
  std::string what_;
  size_t at_ = 0;
  size_t line_ = 1;
  ScriptStatement statement_;
  bool is_kept_ = true;
  std::vector<char> open_;  // brackets
  std::vector<int> outer_;  // the nesting around each
  int nesting_ = 0;
};

}  // namespace pare

#endif  // PARE_BASE_SCRIPT_LEXER_H_
