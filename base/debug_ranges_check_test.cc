#include "base/debug_ranges_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pare {
namespace {

std::string text(const std::string& content) {
  return "X" + std::string(1, static_cast<char>(content.size())) + std::string(3, '\0') + content;
}
std::string small(int value) { return {'K', static_cast<char>(value)}; }
std::string big(int64_t value) {
  std::string bytes = "\x8a\x08";
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}
std::string tuple(const std::vector<std::string>& elements) {
  std::string all = "(";
  for (const std::string& element : elements) all += element;
  return all + "t";
}
std::string list(const std::vector<std::string>& elements) {
  std::string all = "](";
  for (const std::string& element : elements) all += element;
  return all + "e";
}
std::string int_list(const std::vector<std::string>& elements) {
  return "ctorch.jit._pickle\nbuild_intlist\n" + tuple({list(elements)}) + "R";
}
std::string range(const std::string& source, const std::string& start, const std::string& end) {
  return tuple({source, start, end});
}

std::string error_of(const std::string& value) {
  return std::string(check_debug_ranges("\x80\x02" + value + ".", "a.debug_pkl").message());
}
bool says(const std::string& error, const std::string& words) { return error.find(words) != std::string::npos; }

const std::string kMark = text("FORMAT_WITH_STRING_TABLE");
const std::string kTable = tuple({text(""), text("x = 1\n"), text("y = 2\n"), text("a.py")});

std::string with_table(const std::string& source, const std::string& start = small(0),
                       const std::string& end = small(12)) {
  return tuple({kMark, kTable, tuple({tuple({small(0), range(source, start, end), small(0)})})});
}
std::string lines(const std::vector<std::string>& indices, const std::string& file = small(3)) {
  return tuple({int_list(indices), file, small(1)});
}

TEST(DebugRangesCheckTest, PassesWhatLibTorchWrites) {
  EXPECT_EQ(error_of(with_table(lines({small(1), small(2), small(0)}))), "");
  EXPECT_EQ(error_of(with_table(lines({}), small(0), small(0))), "");
  EXPECT_EQ(error_of(tuple({kMark, kTable, tuple({})})), "");
  // Values that several records share.
  const std::string source = lines({small(1), small(2)}) + "q\x05";
  EXPECT_EQ(error_of(tuple({kMark, kTable,
                            tuple({tuple({small(0), range(source, small(0), small(3)), small(0)}),
                                   tuple({big(300), range("h\x05", small(6), small(12)), "J\xff\xff\xff\xff"})})})),
            "");
}

TEST(DebugRangesCheckTest, PassesWhatLibTorchWroteBeforeTheTable) {
  const std::string source = tuple({text("x = 1\n"), text("a.py"), small(1)});
  const std::string nameless = tuple({text("x = 1\n"), "N", small(0)});
  EXPECT_EQ(error_of(tuple({tuple({small(0), range(source, small(0), small(6))}),
                            tuple({small(9), range(nameless, small(2), small(2))})})),
            "");
  EXPECT_EQ(error_of(tuple({tuple({small(0), range(source, small(0), small(6)), small(7)})})), "");
  EXPECT_TRUE(says(error_of(tuple({tuple({small(0), small(7), range(source, small(0), small(6))})})), "record 0"));
  EXPECT_TRUE(says(error_of(tuple({tuple({small(0), range(lines({small(1)}), small(0), small(0))})})), "than texts"));
}

TEST(DebugRangesCheckTest, RefusesIndicesBeyondTheTable) {
  EXPECT_TRUE(says(error_of(with_table(lines({small(4)}))), "text 4 of a table of 4"));
  EXPECT_TRUE(says(error_of(with_table(lines({big(int64_t{1} << 40)}))), "of a table of 4"));
  EXPECT_TRUE(says(error_of(with_table(lines({big(-1)}))), "text -1"));
  EXPECT_TRUE(says(error_of(with_table(lines({small(1)}, small(4)))), "beyond the table"));
  EXPECT_TRUE(says(error_of(with_table(lines({small(1)}, big(-1)))), "beyond the table"));
}

TEST(DebugRangesCheckTest, RefusesRangesBeyondTheirText) {
  const std::string source = lines({small(1), small(2)});  // 12 bytes
  EXPECT_TRUE(says(error_of(with_table(source, small(5), small(4))), "from 5 to 4"));
  EXPECT_TRUE(says(error_of(with_table(source, big(-1), small(4))), "no source, start and end"));
  EXPECT_TRUE(says(error_of(with_table(source, small(0), big(1013))), "to 1013 in a text of 12 bytes"));
  EXPECT_TRUE(says(error_of(with_table(source, small(0), big(int64_t{1} << 62))), "in a text of 12 bytes"));
  // The front end takes "1e6" to be as long as "1000000.0".
  EXPECT_EQ(error_of(with_table(source, small(4), small(18))), "");
}

TEST(DebugRangesCheckTest, RefusesTuplesOfOtherLengths) {
  EXPECT_TRUE(says(error_of(tuple({})), "an empty one"));
  EXPECT_TRUE(says(error_of(small(1)), "no tuple"));
  EXPECT_TRUE(says(error_of(tuple({kMark})), "neither"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable})), "neither"));
  EXPECT_TRUE(says(error_of(tuple({text("other"), kTable, tuple({})})), "neither"));
  EXPECT_TRUE(says(error_of(tuple({kMark, tuple({}), tuple({})})), "table"));
  EXPECT_TRUE(says(error_of(tuple({kMark, tuple({small(1)}), tuple({})})), "else than texts"));
  EXPECT_TRUE(says(error_of(tuple({kMark, list({}), tuple({})})), "table of texts"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, list({})})), "records are no tuple"));
  const std::string source = lines({small(1)});
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, tuple({tuple({})})})), "record 0"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, tuple({tuple({small(0)})})})), "record 0"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, tuple({tuple({small(0), tuple({}), small(0)})})})), "the range"));
  EXPECT_TRUE(says(error_of(with_table(tuple({}))), "the source"));
  EXPECT_TRUE(says(error_of(with_table(tuple({int_list({}), small(0)}))), "the source"));
  EXPECT_TRUE(says(error_of(with_table(tuple({list({small(1)}), small(3), small(1)}))), "no list of lines"));
}

TEST(DebugRangesCheckTest, RefusesInstructionsAndCallablesOfOtherPickles) {
  EXPECT_TRUE(says(error_of("}"), "instruction 125"));
  EXPECT_TRUE(says(error_of("ctorch.jit._pickle\nrestore_type_tag\n"), "lists of integers"));
  EXPECT_TRUE(says(error_of(list({text("a")})), "else than integers"));
  EXPECT_TRUE(says(error_of("](K\x01"
                            "e(K\x01"
                            "e"),
                   "no new list"));
  EXPECT_TRUE(says(error_of(small(0) + tuple({list({})}) + "R"), "build_intlist of a list"));
  EXPECT_TRUE(says(error_of("ctorch.jit._pickle\nbuild_intlist\n)R"), "build_intlist of a list"));
  EXPECT_TRUE(says(error_of(with_table(lines({small(0), small(1)}))), "is empty"));
}

TEST(DebugRangesCheckTest, RefusesMoreTextThanTheFileCanMean) {
  // A table with one long text, which is used again and again.
  const std::string long_text = "X" + std::string("\0\0\1\0", 4) + std::string(1 << 16, 'x');
  const std::vector<std::string> indices(5000, small(0));
  const std::string source = tuple({int_list(indices), small(0), small(1)});
  EXPECT_TRUE(says(error_of(tuple({kMark, tuple({long_text}),
                                   tuple({tuple({small(0), range(source, small(0), small(1)), small(0)})})})),
                   "256 MiB"));
}

TEST(DebugRangesCheckTest, RefusesEveryTruncation) {
  const std::string whole = "\x80\x02" + with_table(lines({small(1), small(2), small(0)})) + ".";
  ASSERT_EQ(check_debug_ranges(whole, "a"), absl::OkStatus());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(check_debug_ranges(whole.substr(0, size), "a").ok()) << size;
  }
}

}  // namespace
}  // namespace pare
