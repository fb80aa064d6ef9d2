#include "base/debug_ranges_check.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/pickle_testing.h"

namespace pare {
namespace {

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

const std::string kMark = pickled_text("FORMAT_WITH_STRING_TABLE");
const std::string kTable =
    tuple({pickled_text(""), pickled_text("x = 1\n"), pickled_text("y = 2\n"), pickled_text("a.py")});

std::string with_table(const std::string& source, const std::string& start = pickled_byte(0),
                       const std::string& end = pickled_byte(12)) {
  return tuple({kMark, kTable, tuple({tuple({pickled_byte(0), range(source, start, end), pickled_byte(0)})})});
}
std::string lines(const std::vector<std::string>& indices, const std::string& file = pickled_byte(3)) {
  return tuple({int_list(indices), file, pickled_byte(1)});
}

TEST(DebugRangesCheckTest, PassesWhatLibTorchWrites) {
  EXPECT_EQ(error_of(with_table(lines({pickled_byte(1), pickled_byte(2), pickled_byte(0)}))), "");
  EXPECT_EQ(error_of(with_table(lines({}), pickled_byte(0), pickled_byte(0))), "");
  EXPECT_EQ(error_of(tuple({kMark, kTable, tuple({})})), "");
  // Values that several records share.
  const std::string source = lines({pickled_byte(1), pickled_byte(2)}) + "q\x05";
  EXPECT_EQ(
      error_of(tuple({kMark, kTable,
                      tuple({tuple({pickled_byte(0), range(source, pickled_byte(0), pickled_byte(3)), pickled_byte(0)}),
                             tuple({pickled_int64(300), range("h\x05", pickled_byte(6), pickled_byte(12)),
                                    "J\xff\xff\xff\xff"})})})),
      "");
}

TEST(DebugRangesCheckTest, PassesWhatLibTorchWroteBeforeTheTable) {
  const std::string source = tuple({pickled_text("x = 1\n"), pickled_text("a.py"), pickled_byte(1)});
  const std::string nameless = tuple({pickled_text("x = 1\n"), "N", pickled_byte(0)});
  EXPECT_EQ(error_of(tuple({tuple({pickled_byte(0), range(source, pickled_byte(0), pickled_byte(6))}),
                            tuple({pickled_byte(9), range(nameless, pickled_byte(2), pickled_byte(2))})})),
            "");
  EXPECT_EQ(
      error_of(tuple({tuple({pickled_byte(0), range(source, pickled_byte(0), pickled_byte(6)), pickled_byte(7)})})),
      "");
  EXPECT_TRUE(says(
      error_of(tuple({tuple({pickled_byte(0), pickled_byte(7), range(source, pickled_byte(0), pickled_byte(6))})})),
      "record 0"));
  EXPECT_TRUE(says(
      error_of(tuple({tuple({pickled_byte(0), range(lines({pickled_byte(1)}), pickled_byte(0), pickled_byte(0))})})),
      "than texts"));
}

TEST(DebugRangesCheckTest, RefusesIndicesBeyondTheTable) {
  EXPECT_TRUE(says(error_of(with_table(lines({pickled_byte(4)}))), "text 4 of a table of 4"));
  EXPECT_TRUE(says(error_of(with_table(lines({pickled_int64(int64_t{1} << 40)}))), "of a table of 4"));
  EXPECT_TRUE(says(error_of(with_table(lines({pickled_int64(-1)}))), "text -1"));
  EXPECT_TRUE(says(error_of(with_table(lines({pickled_byte(1)}, pickled_byte(4)))), "beyond the table"));
  EXPECT_TRUE(says(error_of(with_table(lines({pickled_byte(1)}, pickled_int64(-1)))), "beyond the table"));
}

TEST(DebugRangesCheckTest, RefusesRangesBeyondTheirText) {
  const std::string source = lines({pickled_byte(1), pickled_byte(2)});  // 12 bytes
  EXPECT_TRUE(says(error_of(with_table(source, pickled_byte(5), pickled_byte(4))), "from 5 to 4"));
  EXPECT_TRUE(says(error_of(with_table(source, pickled_int64(-1), pickled_byte(4))), "no source, start and end"));
  EXPECT_TRUE(
      says(error_of(with_table(source, pickled_byte(0), pickled_int64(1013))), "to 1013 in a text of 12 bytes"));
  EXPECT_TRUE(
      says(error_of(with_table(source, pickled_byte(0), pickled_int64(int64_t{1} << 62))), "in a text of 12 bytes"));
  // The front end takes "1e6" to be as long as "1000000.0".
  EXPECT_EQ(error_of(with_table(source, pickled_byte(4), pickled_byte(18))), "");
}

TEST(DebugRangesCheckTest, RefusesTuplesOfOtherLengths) {
  EXPECT_TRUE(says(error_of(tuple({})), "an empty one"));
  EXPECT_TRUE(says(error_of(pickled_byte(1)), "no tuple"));
  EXPECT_TRUE(says(error_of(tuple({kMark})), "neither"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable})), "neither"));
  EXPECT_TRUE(says(error_of(tuple({pickled_text("other"), kTable, tuple({})})), "neither"));
  EXPECT_TRUE(says(error_of(tuple({kMark, tuple({}), tuple({})})), "table"));
  EXPECT_TRUE(says(error_of(tuple({kMark, tuple({pickled_byte(1)}), tuple({})})), "else than texts"));
  EXPECT_TRUE(says(error_of(tuple({kMark, list({}), tuple({})})), "table of texts"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, list({})})), "records are no tuple"));
  const std::string source = lines({pickled_byte(1)});
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, tuple({tuple({})})})), "record 0"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, tuple({tuple({pickled_byte(0)})})})), "record 0"));
  EXPECT_TRUE(says(error_of(tuple({kMark, kTable, tuple({tuple({pickled_byte(0), tuple({}), pickled_byte(0)})})})),
                   "the range"));
  EXPECT_TRUE(says(error_of(with_table(tuple({}))), "the source"));
  EXPECT_TRUE(says(error_of(with_table(tuple({int_list({}), pickled_byte(0)}))), "the source"));
  EXPECT_TRUE(says(error_of(with_table(tuple({list({pickled_byte(1)}), pickled_byte(3), pickled_byte(1)}))),
                   "no list of lines"));
}

TEST(DebugRangesCheckTest, RefusesInstructionsAndCallablesOfOtherPickles) {
  EXPECT_TRUE(says(error_of("}"), "instruction 125"));
  EXPECT_TRUE(says(error_of("ctorch.jit._pickle\nrestore_type_tag\n"), "lists of integers"));
  EXPECT_TRUE(says(error_of(list({pickled_text("a")})), "else than integers"));
  EXPECT_TRUE(says(error_of("](K\x01"
                            "e(K\x01"
                            "e"),
                   "no new list"));
  EXPECT_TRUE(says(error_of(pickled_byte(0) + tuple({list({})}) + "R"), "build_intlist of a list"));
  EXPECT_TRUE(says(error_of("ctorch.jit._pickle\nbuild_intlist\n)R"), "build_intlist of a list"));
  EXPECT_TRUE(says(error_of(with_table(lines({pickled_byte(0), pickled_byte(1)}))), "is empty"));
}

TEST(DebugRangesCheckTest, RefusesMoreTextThanTheFileCanMean) {
  // A table with one long text, which is used again and again.
  const std::string long_text = "X" + std::string("\0\0\1\0", 4) + std::string(1 << 16, 'x');
  const std::vector<std::string> indices(5000, pickled_byte(0));
  const std::string source = tuple({int_list(indices), pickled_byte(0), pickled_byte(1)});
  EXPECT_TRUE(says(
      error_of(
          tuple({kMark, tuple({long_text}),
                 tuple({tuple({pickled_byte(0), range(source, pickled_byte(0), pickled_byte(1)), pickled_byte(0)})})})),
      "256 MiB"));
}

TEST(DebugRangesCheckTest, RefusesEveryTruncation) {
  const std::string whole = "\x80\x02" + with_table(lines({pickled_byte(1), pickled_byte(2), pickled_byte(0)})) + ".";
  ASSERT_EQ(check_debug_ranges(whole, "a"), absl::OkStatus());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(check_debug_ranges(whole.substr(0, size), "a").ok()) << size;
  }
}

}  // namespace
}  // namespace pare
