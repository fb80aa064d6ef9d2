#include "base/script_check.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/script_lexer.h"
#include "base/status_macros.h"

namespace pare {
namespace {

using Kind = ScriptToken::Kind;

constexpr int kMostBranches = 400;  // "elif"s of a function: LibTorch's parser goes one call deeper with each
constexpr int kMostValueNesting = 100;

// Reads along the words of one statement.
class Reader {
 public:
  Reader(const ScriptStatement& statement, const ScriptLexer& lexer) : tokens_(statement.tokens), lexer_(lexer) {}

  bool is_at_end() const { return at_ == tokens_.size(); }
  bool sees(std::string_view text) const { return !is_at_end() && tokens_[at_] == text; }
  bool sees(Kind kind) const { return !is_at_end() && tokens_[at_].kind == kind; }
  bool take(std::string_view text) {
    if (!sees(text)) return false;
    ++at_;
    return true;
  }
  std::string_view take_name() { return sees(Kind::kName) ? tokens_[at_++].text : std::string_view(); }
  bool take_text() {
    if (!sees(Kind::kText)) return false;
    while (sees(Kind::kText)) ++at_;  // texts side by side are one
    return true;
  }

  absl::Status unexpected(const std::string& expected) const {
    return lexer_.error(absl::StrCat("expected ", expected, ", found ",
                                     is_at_end() ? std::string("its end") : absl::StrCat("'", found(), "'"),
                                     ", which LibTorch does not write"));
  }
  absl::Status expect(const std::string& text) {
    return take(text) ? absl::OkStatus() : unexpected(absl::StrCat("'", text, "'"));
  }
  absl::Status expect_end() const { return is_at_end() ? absl::OkStatus() : unexpected("its end"); }

  // A type: names, dots, brackets and commas, () in Tuple[()].
  absl::Status type() {
    for (bool may_be_name = true;;) {
      if (may_be_name && sees(Kind::kName) && !sees("CONSTANTS")) {
        ++at_;
        may_be_name = false;
      } else if (may_be_name && at_ > 0 && tokens_[at_ - 1] == "[" && take("(")) {
        PARE_RETURN_IF_ERROR(expect(")"));
        may_be_name = false;
      } else {
        return unexpected("a type");
      }
      while (take(".")) {
        if (take_name().empty()) return unexpected("a name");
      }
      if (take("[")) {
        ++brackets_;
        may_be_name = true;
        continue;
      }
      while (brackets_ > 0 && take("]")) --brackets_;
      if (brackets_ == 0) return absl::OkStatus();
      PARE_RETURN_IF_ERROR(expect(","));
      may_be_name = true;
    }
  }

  // A literal (see the header).
  absl::Status value(int depth = 0) {
    if (depth > kMostValueNesting) return lexer_.error("has a value that is nested more than 100 deep");
    if (take("-")) {
      if (sees(Kind::kNumber) || sees("inf") || sees("nan")) {
        ++at_;
        return absl::OkStatus();
      }
      return not_a_literal();
    }
    if (sees(Kind::kNumber) || sees("inf") || sees("nan") || sees("True") || sees("False") || sees("None")) {
      ++at_;
      return absl::OkStatus();
    }
    if (take_text()) return absl::OkStatus();
    if (take("__torch__")) {  // an enum's value: to look a name up runs nothing
      if (!sees(".")) return not_a_literal();
      while (take(".")) {
        if (take_name().empty()) return not_a_literal();
      }
      return absl::OkStatus();
    }
    if (take("[")) return values("]", depth);
    if (take("(")) return values(")", depth);
    if (take("{")) return values("}", depth);
    if (take("annotate")) {
      PARE_RETURN_IF_ERROR(expect("("));
      PARE_RETURN_IF_ERROR(type());
      PARE_RETURN_IF_ERROR(expect(","));
      PARE_RETURN_IF_ERROR(value(depth + 1));
      return expect(")");
    }
    if (sees("torch") || sees("float")) {
      if (!take("float")) {
        ++at_;
        if (!take(".") || !take("device")) return not_a_literal();
      }
      if (!take("(") || !take_text() || !take(")")) return not_a_literal();
      return absl::OkStatus();
    }
    return not_a_literal();
  }

 private:
  std::string found() const { return std::string(tokens_[at_].text.substr(0, 60)); }
  absl::Status not_a_literal() const {
    const std::string text = is_at_end() ? "" : absl::StrCat(" (at '", found(), "')");
    return absl::UnimplementedError(
        absl::StrCat(lexer_.error("").message(), "the value of a default argument or of a class's constant", text,
                     " is no literal; LibTorch would compute it while it opens the file: write the value itself"));
  }

  absl::Status values(std::string_view end, int depth) {
    while (!take(end)) {
      PARE_RETURN_IF_ERROR(value(depth + 1));
      if (end == "}") {
        PARE_RETURN_IF_ERROR(expect(":"));
        PARE_RETURN_IF_ERROR(value(depth + 1));
      }
      if (take(end)) return absl::OkStatus();
      if (!take(",")) return not_a_literal();  // an operator, or a call of what stands before
    }
    return absl::OkStatus();
  }

  const std::vector<ScriptToken>& tokens_;
  const ScriptLexer& lexer_;
  size_t at_ = 0;
  int brackets_ = 0;  // open in the type that is being read
};

class Checker {
 public:
  Checker(std::string_view text, const std::string& what) : what_(what), lexer_(text, what) {}

  absl::StatusOr<ScriptCheck> run() {
    while (true) {
      // Methods' bodies are deeper than the class's own statements, whose indentation the first one shows.
      PARE_ASSIGN_OR_RETURN(const ScriptStatement* statement,
                            lexer_.next(is_first_in_class_ ? ~size_t{0} : class_level_));
      if (statement == nullptr) break;
      PARE_RETURN_IF_ERROR(check(*statement));
    }
    return std::move(found_);
  }

 private:
  absl::Status check(const ScriptStatement& statement) {
    Reader reader(statement, lexer_);
    if (is_first_in_class_) {
      if (statement.indentation == 0) return lexer_.error("expected a class's first statement, indented");
      class_level_ = statement.indentation;
      is_first_in_class_ = false;
    }
    if (statement.indentation == 0) return top_level(reader);
    if (statement.indentation < class_level_) return lexer_.error("is indented less than its class's other lines");
    if (class_level_ > 0 && statement.indentation == class_level_) return in_class(reader);
    if (!is_in_function_) return lexer_.error("is indented, and follows no 'def'");
    if (reader.sees("class")) return reader.unexpected("a statement");
    if (reader.take("def")) return function(reader);
    if (reader.sees("elif") && ++branches_ > kMostBranches) {
      return lexer_.error("is one of more than 400 branches, more than LibTorch's parser is given");
    }
    return absl::OkStatus();
  }

  absl::Status top_level(Reader& reader) {
    class_level_ = 0;
    is_in_function_ = false;
    if (reader.take("def")) {
      branches_ = 0;
      return function(reader);
    }
    if (reader.take("import")) {
      do {
        if (reader.take_name().empty()) return reader.unexpected("a name");
      } while (reader.take("."));
      return reader.expect_end();
    }
    if (reader.take("op_version_set")) {
      PARE_RETURN_IF_ERROR(reader.expect("="));
      if (!reader.sees(Kind::kNumber)) return reader.unexpected("a number");
      PARE_RETURN_IF_ERROR(reader.value());
      return reader.expect_end();
    }
    if (!reader.take("class")) return reader.unexpected("'def', 'class' or 'import'");
    const std::string_view name = reader.take_name();
    if (name.empty()) return reader.unexpected("a name");
    base_ = "";
    if (reader.take("(")) {
      base_ = reader.take_name();
      static constexpr std::string_view kBases[] = {"Module", "NamedTuple", "Interface", "ModuleInterface", "Enum"};
      if (std::find(std::begin(kBases), std::end(kBases), base_) == std::end(kBases)) {
        return lexer_.error(
            absl::StrCat("has a class of base '", std::string(base_), "', which LibTorch does not write"));
      }
      PARE_RETURN_IF_ERROR(reader.expect(")"));
    }
    PARE_RETURN_IF_ERROR(reader.expect(":"));
    if (base_ == "Enum") found_.enum_classes.emplace(name);
    is_first_in_class_ = true;
    return reader.expect_end();
  }

  absl::Status in_class(Reader& reader) {
    is_in_function_ = false;
    if (reader.take("def")) {
      branches_ = 0;
      return function(reader);
    }
    if (reader.take("pass")) return reader.expect_end();
    const std::string_view name = reader.take_name();
    if (name.empty()) return reader.unexpected("an attribute's name");
    if (reader.take(":")) {
      PARE_RETURN_IF_ERROR(reader.type());
      // LibTorch evaluates a NamedTuple's type in place of its default, and writes no default.
      if (base_ != "NamedTuple" && reader.take("=")) PARE_RETURN_IF_ERROR(reader.value());
      return reader.expect_end();
    }
    if (name == "__annotations__" && reader.take("[")) {
      if (!reader.take_text()) return reader.unexpected("an attribute's name");
      PARE_RETURN_IF_ERROR(reader.expect("]"));
      PARE_RETURN_IF_ERROR(reader.expect("="));
      PARE_RETURN_IF_ERROR(reader.type());
      return reader.expect_end();
    }
    static constexpr std::string_view kTypeless[] = {"__parameters__", "__buffers__", "__annotations__",
                                                     "__forward_pre_hooks__", "__forward_hooks__"};
    if (base_ != "Enum" && std::find(std::begin(kTypeless), std::end(kTypeless), name) == std::end(kTypeless)) {
      return reader.sees("=") ? lexer_.error("is a class's constant that has no type")
                              : reader.unexpected("a type or a value");
    }
    PARE_RETURN_IF_ERROR(reader.expect("="));
    PARE_RETURN_IF_ERROR(reader.value());
    return reader.expect_end();
  }

  // After "def".
  absl::Status function(Reader& reader) {
    is_in_function_ = true;
    const std::string_view name = reader.take_name();
    if (name.empty()) return reader.unexpected("a name");
    if (name == "__setstate__") {
      return absl::UnimplementedError(
          absl::StrCat(what_,
                       " has a class with a method __setstate__, which LibTorch would run while it opens the file; "
                       "Pare opens no such file (quantized modules of PyTorch are such): save a float model, or one "
                       "without that class"));
    }
    PARE_RETURN_IF_ERROR(reader.expect("("));
    while (!reader.take(")")) {
      if (!reader.take("*")) {  // what follows has to be named in a call
        if (reader.take_name().empty()) return reader.unexpected("an argument's name");
        if (reader.take(":")) PARE_RETURN_IF_ERROR(reader.type());
        if (reader.take("=")) PARE_RETURN_IF_ERROR(reader.value());
      }
      if (reader.take(")")) break;
      PARE_RETURN_IF_ERROR(reader.expect(","));
    }
    if (reader.take("->")) PARE_RETURN_IF_ERROR(reader.type());
    PARE_RETURN_IF_ERROR(reader.expect(":"));
    return reader.expect_end();
  }

  const std::string& what_;
  ScriptLexer lexer_;
  ScriptCheck found_;
  std::string_view base_;   // of the class
  size_t class_level_ = 0;  // the indentation of the class's own statements; 0 outside of a class
  bool is_first_in_class_ = false;
  bool is_in_function_ = false;
  int branches_ = 0;  // of the function, at any depth
};

}  // namespace

absl::StatusOr<ScriptCheck> check_script(std::string_view text, const std::string& what) {
  return Checker(text, what).run();
}

}  // namespace pare
