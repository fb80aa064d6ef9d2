#include "base/zip_directory.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <sstream>
#include <string>
#include <vector>

namespace pare {
namespace {

std::string number(uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

struct Record {
  std::string name, data;
  uint64_t method = 0, size = 0;  // unpacked; 0: that of the data
};

// A zip file as the format's description has it.
std::string zip(const std::vector<Record>& records, const std::string& comment = "") {
  std::string file, directory;
  for (const Record& record : records) {
    const uint64_t size = record.size == 0 ? record.data.size() : record.size;
    const std::string shared = number(record.method, 2) + number(0, 4) + number(0, 4) + number(record.data.size(), 4) +
                               number(size, 4) + number(record.name.size(), 2) + number(0, 2);
    directory += number(0x02014b50, 4) + number(20, 2) + number(20, 2) + number(0, 2) + shared + number(0, 2) +
                 number(0, 2) + number(0, 2) + number(0, 4) + number(file.size(), 4) + record.name;
    file += number(0x04034b50, 4) + number(20, 2) + number(0, 2) + shared + record.name + record.data;
  }
  const uint64_t at = file.size();
  return file + directory + number(0x06054b50, 4) + number(0, 4) + number(records.size(), 2) +
         number(records.size(), 2) + number(directory.size(), 4) + number(at, 4) + number(comment.size(), 2) + comment;
}

std::string deflated(const std::string& data) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string error_of(const std::string& bytes) {
  std::istringstream file(bytes);
  return std::string(read_zip_directory(file, "net.pt").status().message());
}

TEST(ZipDirectoryTest, GivesRecordsWithTheirSizesAndContents) {
  const std::string text(10'000, 'x');
  std::istringstream file(zip({{"net/a", "hello"}, {"net/b", deflated(text), 8, text.size()}}));
  const auto records = read_zip_directory(file, "net.pt");
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(records->at("net/a").size, 5u);
  EXPECT_EQ(records->at("net/b").size, 10'000u);
  EXPECT_EQ(read_zip_record(file, records->at("net/a"), 100, "net.pt").value(), "hello");
  EXPECT_EQ(read_zip_record(file, records->at("net/b"), 10'000, "net.pt").value(), text);
  EXPECT_FALSE(read_zip_record(file, records->at("net/b"), 9'999, "net.pt").ok());
}

TEST(ZipDirectoryTest, RefusesEveryTruncation) {
  const std::string whole = zip({{"net/a", "hello"}});
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error_of(whole.substr(0, size)), "") << size;
  EXPECT_EQ(error_of(whole), "");
}

TEST(ZipDirectoryTest, RefusesWhatTheReaderCouldSeeInAnotherWay) {
  EXPECT_NE(error_of(zip({{"net/a", "hello"}}, "a comment")), "");
  EXPECT_NE(error_of(zip({{"net/a", "hello"}}) + " "), "");
  EXPECT_NE(error_of(zip({{"net/a", "hello"}, {"net/A", "other"}})).find("two records"), std::string::npos);
  EXPECT_NE(error_of(zip({{"net/a", "hello", 12}})).find("compressed"), std::string::npos);
}

TEST(ZipDirectoryTest, RefusesNamesThatTheReaderWouldCut) {
  for (const std::string& name : {std::string("net/9\0", 6), std::string("net/\n9"), std::string("net/9\x7f")}) {
    const std::string error = error_of(zip({{"net/9", "hello"}, {name, "other"}}));
    EXPECT_NE(error.find("control character"), std::string::npos) << error;
  }
}

TEST(ZipDirectoryTest, RefusesSizesThatTheFileCannotHold) {
  std::string file = zip({{"net/a", "hello"}});
  const size_t entry = file.find("PK\x01\x02");
  file.replace(entry + 20, 8, number(1'000'000, 4) + number(1'000'000, 4));
  EXPECT_NE(error_of(file).find("more than the file has room for"), std::string::npos) << error_of(file);
  EXPECT_NE(error_of(zip({{"net/a", "hello", 8, 0x20000000}})).find("256 MiB"), std::string::npos);
}

TEST(ZipDirectoryTest, RefusesRecordsThatShareTheirBytes) {
  // Two entries of one record: each fits, together they are larger than the file.
  const std::string data(1000, 'x');
  const std::string one = zip({{"net/a", data}});
  const size_t entry = one.find("PK\x01\x02"), end = one.find("PK\x05\x06");
  const std::string directory = one.substr(entry, end - entry);
  std::string second = directory;
  second.back() = 'b';
  std::string tail = one.substr(end);
  tail.replace(8, 8, number(2, 2) + number(2, 2) + number(2 * directory.size(), 4));
  EXPECT_NE(error_of(one.substr(0, entry) + directory + second + tail), "");
}

TEST(ZipDirectoryTest, RefusesARecordThatUnpacksToAnotherSize) {
  const std::string packed = deflated(std::string(10'000, 'x'));
  for (const uint64_t said : {9'999, 10'001}) {
    std::istringstream file(zip({{"net/a", packed, 8, said}}));
    const auto records = read_zip_directory(file, "net.pt");
    ASSERT_TRUE(records.ok());
    EXPECT_FALSE(read_zip_record(file, records->at("net/a"), 20'000, "net.pt").ok()) << said;
  }
}

}  // namespace
}  // namespace pare
