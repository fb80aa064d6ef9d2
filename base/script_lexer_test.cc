#include "base/script_lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pare {
namespace {

std::string repeated(const std::string& part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part;
  return all;
}

// The words of each statement, with a space between; an error ends them.
std::vector<std::string> statements(std::string_view text, size_t keep_up_to = 1000) {
  ScriptLexer lexer(text, "code");
  std::vector<std::string> all;
  while (true) {
    const auto statement = lexer.next(keep_up_to);
    if (!statement.ok()) {
      all.emplace_back(statement.status().message());
      return all;
    }
    if (*statement == nullptr) return all;
    std::string words = std::string((*statement)->indentation, '_');
    for (const ScriptToken& token : (*statement)->tokens) words += (words.empty() ? "" : " ") + std::string(token.text);
    all.push_back(words);
  }
}

std::string error(std::string_view text) {
  const std::vector<std::string> all = statements(text);
  return all.empty() || all.back().compare(0, 4, "code") != 0 ? "" : all.back();
}

bool says(const std::string& error, const std::string& words) { return error.find(words) != std::string::npos; }

TEST(ScriptLexer, SplitsStatementsIntoWords) {
  EXPECT_EQ(statements("def f(self,\n    x: int=-1) -> Tensor:\n  # a note\n\n  return x[0].y\n"),
            (std::vector<std::string>{"def f ( self , x : int = - 1 ) -> Tensor :", "__ return x [ 0 ] . y"}));
  EXPECT_EQ(statements("x **= 1.5e-3 <= .5 + 2.j"), (std::vector<std::string>{"x **= 1.5e-3 <= .5 + 2.j"}));
  EXPECT_EQ(statements("a = \"(\\\"#\" 'b'  # the rest"), (std::vector<std::string>{"a = \"(\\\"#\" 'b'"}));
  EXPECT_EQ(statements(""), std::vector<std::string>{});
  EXPECT_EQ(statements("\n  # nothing"), std::vector<std::string>{});
}

TEST(ScriptLexer, KeepsTheWordsThatAreAskedFor) {
  EXPECT_EQ(statements("a = 1\n  b = 2\n    c = 3\n    def d(): \n", 2),
            (std::vector<std::string>{"a = 1", "__ b = 2", "____ c", "____ def d ( ) :"}));
}

TEST(ScriptLexer, SaysTheLine) { EXPECT_EQ(error("a = [\n1,\n]\n\n  b = $\n").substr(0, 14), "code, line 5: "); }

TEST(ScriptLexer, RefusesWhatLibTorchReadsButDoesNotWrite) {
  EXPECT_TRUE(says(error("a = 1 + \\\n2"), "the byte 92"));
  EXPECT_TRUE(says(error("a\f= 1"), "the byte 12"));
  EXPECT_TRUE(says(error("\ta = 1"), "the byte 9"));
  EXPECT_TRUE(says(error("a\r\n"), "the byte 13"));
  EXPECT_TRUE(says(error(std::string_view("a\0b", 3)), "the byte 0"));
  EXPECT_TRUE(says(error("\xc3\xa4 = 1"), "the byte 195"));
  EXPECT_TRUE(says(error("a = '''b'''"), "three quotes"));
  EXPECT_TRUE(says(error("a = \"b\n\""), "does not end on its line"));
  EXPECT_TRUE(says(error("a = \"b\\\n\""), "does not end on its line"));
  EXPECT_TRUE(says(error("a = \"b\\"), "does not end on its line"));
  EXPECT_TRUE(says(error("a = 1  # type: int"), "type comment"));
  EXPECT_TRUE(says(error("def f(a):\n  # type: (int) -> int\n  return a"), "type comment"));
  EXPECT_TRUE(says(error("a = 0x1"), "a number"));
  EXPECT_TRUE(says(error("a = 1if b"), "a number"));
  EXPECT_TRUE(says(error("a = 1e"), "a number"));
  EXPECT_TRUE(says(error("a = (]"), "not open"));
  EXPECT_TRUE(says(error("a = )"), "not open"));
  EXPECT_TRUE(says(error("a = (1,\n"), "within a bracket"));
}

TEST(ScriptLexer, RefusesZeroBytesInTexts) {
  for (const char* text : {"a = \"b\\0\"", "a = \"\\000.B\"", "a = \"\\400\"", "a = '\\00'"}) {
    EXPECT_TRUE(says(error(text), "a zero byte")) << text;
  }
  EXPECT_TRUE(says(error(std::string_view("a = \"\0\"", 7)), "a zero byte"));
  EXPECT_EQ(error("a = \"\\\\000 \\n \\101 \\302\\240 \xc3\xa4\""), "");
}

TEST(ScriptLexer, RefusesWhatWouldExhaustTheParsersStack) {
  EXPECT_TRUE(says(error("x = " + repeated("(", 500)), "400 deep"));
  EXPECT_TRUE(says(error("x = " + repeated("- ", 500) + "1"), "400 deep"));
  EXPECT_TRUE(says(error("x = a" + repeated(" + a", 500)), "400 deep"));
  EXPECT_TRUE(says(error("x = a" + repeated(".a", 500)), "400 deep"));
  EXPECT_TRUE(says(error("x = a" + repeated("()", 500)), "400 deep"));
  EXPECT_TRUE(says(error("x = (a" + repeated(" +\na", 500) + ")"), "400 deep"));
  EXPECT_TRUE(says(error("x = " + repeated("not ", 500) + "a"), "400 deep"));
  EXPECT_TRUE(says(error("# '''\nx = " + repeated("(", 500) + "\n# '''"), "400 deep"));
  EXPECT_TRUE(says(error(repeated(" ", 500) + "x"), "indented"));
  EXPECT_TRUE(says(error(repeated("\n", 2000) + "x"), "empty lines"));
  EXPECT_TRUE(says(error(repeated("  # nothing\n", 2000) + "x"), "empty lines"));
  EXPECT_TRUE(says(error("x = (" + repeated("\n", 2000) + ")"), "empty lines"));
}

TEST(ScriptLexer, PassesLongCodeThatIsFlat) {
  EXPECT_EQ(error("x = [" + repeated("-1.5, ", 10'000) + "2]\n"), "");
  EXPECT_EQ(error(repeated("  _1 = torch.add(self.layer.conv(x), annotate(List[int], [1, 2]))\n", 10'000)), "");
  EXPECT_EQ(error("x = \"" + std::string(5000, '(') + "\"\n"), "");
}

}  // namespace
}  // namespace pare
