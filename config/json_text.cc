#include "config/json_text.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/nearest.h"

namespace pare::config {

namespace {

// Leaves the parser from within its callback; never leaves this file.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Refuses duplicate keys, of which the parser would silently keep the last, and depths that would overflow the stack
// of whoever walks through the result.
class Checker {
 public:
  bool operator()(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if ((event == Event::object_start || event == Event::array_start) && depth >= kMaxJsonDepth) {
      throw Refused(absl::StrCat("nested deeper than ", kMaxJsonDepth, " levels"));
    }
    if (event == Event::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      throw Refused(absl::StrCat("the key ", quote(parsed.get_ref<const std::string&>()),
                                 " stands twice in the same object; remove one"));
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

// "12:5" for a number of characters read.
std::string place_of(const std::string& text, size_t characters_read) {
  const size_t end = std::min(characters_read, text.size());
  const size_t position = end == 0 ? 0 : end - 1;
  const auto lines = std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(position), '\n');
  const size_t line_start = position == 0 ? std::string::npos : text.rfind('\n', position - 1);
  return absl::StrCat(lines + 1, ":", line_start == std::string::npos ? position + 1 : position - line_start);
}

// The parser's message without its own name and place.
std::string reason_of(const std::string& what) {
  const size_t bracket = what.find("] ");
  std::string reason = bracket == std::string::npos ? what : what.substr(bracket + 2);
  if (absl::StartsWith(reason, "parse error at ")) {
    if (const size_t colon = reason.find(": "); colon != std::string::npos) reason = reason.substr(colon + 2);
  }
  return reason;
}

// A callback cannot ask the parser where it is, but a string that counts what is taken from it can be asked.
struct Cursor {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* position;
  const char** furthest;

  reference operator*() const { return *position; }
  Cursor& operator++() {
    *furthest = std::max(*furthest, ++position);
    return *this;
  }
  bool operator==(const Cursor& other) const { return position == other.position; }
  bool operator!=(const Cursor& other) const { return position != other.position; }
};

// The first position from `position` on that is no part of the comment that starts there; `position` itself if none
// does.
size_t after_comment(const std::string& text, size_t position) {
  if (text.compare(position, 2, "//") == 0) return std::min(text.find('\n', position), text.size());
  if (text.compare(position, 2, "/*") == 0) {
    const size_t end = text.find("*/", position + 2);
    return end == std::string::npos ? text.size() : end + 2;
  }
  return position;
}

// A space for each comma that stands between a value and the end of its list or object: every other character keeps
// its place, which messages name.
std::string without_trailing_commas(std::string text) {
  size_t comma = std::string::npos;  // that follows a value, with nothing after it so far
  char previous = 0;                 // the last character that is neither space nor comment
  for (size_t i = 0; i < text.size();) {
    if (const size_t next = after_comment(text, i); next != i) {
      i = next;
      continue;
    }
    const char c = text[i++];
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    if (c == '"') {
      while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
      ++i;
    }
    if ((c == ']' || c == '}') && comma != std::string::npos) text[comma] = ' ';
    const bool follows_value = previous != 0 && std::string_view("[{,:").find(previous) == std::string_view::npos;
    comma = c == ',' && follows_value ? i - 1 : std::string::npos;
    previous = c;
  }
  return text;
}

}  // namespace

absl::StatusOr<nlohmann::json> parse_json(const std::string& given, const std::string& name_for_messages) {
  const std::string text = without_trailing_commas(given);
  const char* furthest = text.data();
  const auto refuse = [&](size_t characters_read, const std::string& reason) {
    return absl::InvalidArgumentError(
        absl::StrCat(name_for_messages, ":", place_of(text, characters_read), ": ", reason));
  };
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return refuse(0, "expected JSON, found nothing");
  try {
    return nlohmann::json::parse(Cursor{text.data(), &furthest}, Cursor{text.data() + text.size(), &furthest},
                                 Checker(), /*allow_exceptions=*/true, /*ignore_comments=*/true);
  } catch (const nlohmann::json::parse_error& error) {
    return refuse(error.byte, reason_of(error.what()));
  } catch (const nlohmann::json::exception& error) {
    return refuse(static_cast<size_t>(furthest - text.data()), reason_of(error.what()));
  } catch (const Refused& error) {
    return refuse(static_cast<size_t>(furthest - text.data()), error.what());
  }
}

}  // namespace pare::config
