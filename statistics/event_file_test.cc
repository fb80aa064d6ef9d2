#include "statistics/event_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using google::protobuf::io::CodedInputStream;
using ::testing::ElementsAre;
using ::testing::Pair;

struct Event {
  double wall_time = 0;
  int64_t step = 0;
  std::string file_version;
  std::vector<std::pair<std::string, float>> values;
};

std::string bytes_field(CodedInputStream& in) {
  uint32_t size = 0;
  std::string bytes;
  EXPECT_TRUE(in.ReadVarint32(&size) && in.ReadString(&bytes, static_cast<int>(size)));
  return bytes;
}

// Reads what the format's definition says, field by field.
Event parse_event(const std::string& bytes) {
  Event event;
  CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  while (const uint32_t tag = in.ReadTag()) {
    if (tag == ((1 << 3) | 1)) {
      uint64_t bits = 0;
      EXPECT_TRUE(in.ReadLittleEndian64(&bits));
      std::memcpy(&event.wall_time, &bits, 8);
    } else if (tag == ((2 << 3) | 0)) {
      uint64_t step = 0;
      EXPECT_TRUE(in.ReadVarint64(&step));
      event.step = static_cast<int64_t>(step);
    } else if (tag == ((3 << 3) | 2)) {
      event.file_version = bytes_field(in);
    } else if (tag == ((5 << 3) | 2)) {
      const std::string summary = bytes_field(in);
      CodedInputStream list(reinterpret_cast<const uint8_t*>(summary.data()), static_cast<int>(summary.size()));
      while (list.ReadTag() == ((1 << 3) | 2)) {
        const std::string value = bytes_field(list);
        CodedInputStream one(reinterpret_cast<const uint8_t*>(value.data()), static_cast<int>(value.size()));
        EXPECT_EQ(one.ReadTag(), (1u << 3) | 2);
        const std::string name = bytes_field(one);
        EXPECT_EQ(one.ReadTag(), (2u << 3) | 5);
        uint32_t bits = 0;
        EXPECT_TRUE(one.ReadLittleEndian32(&bits));
        float number = 0;
        std::memcpy(&number, &bits, 4);
        event.values.emplace_back(name, number);
      }
    } else {
      ADD_FAILURE() << "unknown field, tag " << tag;
      break;
    }
  }
  return event;
}

std::vector<Event> read_events(const std::string& path) {
  const std::string file = read_file(path).value();
  std::vector<Event> events;
  size_t at = 0;
  while (at < file.size()) {
    uint64_t size = 0;
    uint32_t crc = 0;
    std::memcpy(&size, &file[at], 8);
    std::memcpy(&crc, &file[at + 8], 4);
    const auto unmasked = [](uint32_t value) {
      value -= 0xa282ead8u;
      return (value >> 17) | (value << 15);
    };
    EXPECT_EQ(unmasked(crc), crc32c(file.substr(at, 8)));
    const std::string bytes = file.substr(at + 12, size);
    std::memcpy(&crc, &file[at + 12 + size], 4);
    EXPECT_EQ(unmasked(crc), crc32c(bytes));
    events.push_back(parse_event(bytes));
    at += 16 + size;
  }
  return events;
}

std::string fresh_folder(const std::string& name) {
  const std::string folder = absl::StrCat(std::string(::testing::TempDir()), "/", name);
  std::filesystem::remove_all(folder);
  return folder;
}

// RFC 3720, section B.4.
TEST(Crc32c, KnownValues) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<char>(i));
  EXPECT_EQ(crc32c(rising), 0x46dd794eu);
}

TEST(EventFile, WritesWhatTensorBoardReads) {
  auto events = EventFile::create(fresh_folder("events"), absl::FromUnixSeconds(1700000000));
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_TRUE(events->append(7, {{"loss", 0.5}, {"evaluation/top1", 0.25}}, absl::FromUnixMillis(1700000001500)).ok());
  ASSERT_TRUE(events->append(8, {}).ok());
  const std::vector<Event> read = read_events(events->path());
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].file_version, "brain.Event:2");
  EXPECT_EQ(read[1].step, 7);
  EXPECT_EQ(read[1].wall_time, 1700000001.5);
  EXPECT_THAT(read[1].values, ElementsAre(Pair("loss", 0.5f), Pair("evaluation/top1", 0.25f)));
  EXPECT_NE(events->path().find("/events.out.tfevents.1700000000."), std::string::npos);
}

TEST(EventFile, AnotherOfTheSameSecondIsAnotherFile) {
  const std::string folder = fresh_folder("twice");
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  auto first = EventFile::create(folder, now), second = EventFile::create(folder, now);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->path(), second->path());
  EXPECT_FALSE(EventFile::create(folder + "/no/parent").ok());
}

// The time of day may jump back, even to before 1970, between two records and between two runs: nothing is lost.
TEST(EventFile, AClockThatJumpsLosesNothing) {
  const std::string folder = ::testing::TempDir() + "/jumping_clock";
  std::filesystem::remove_all(folder);
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  std::vector<std::string> paths;
  for (const absl::Time start : {now, now - absl::Hours(5), now, absl::UnixEpoch() - absl::Hours(1)}) {
    auto events = EventFile::create(folder, start);
    ASSERT_TRUE(events.ok()) << events.status();
    ASSERT_TRUE(events->append(1, {{"a", 1}}, start).ok());
    ASSERT_TRUE(events->append(2, {{"a", 2}}, start - absl::Hours(3)).ok());
    EXPECT_EQ(std::count(paths.begin(), paths.end(), events->path()), 0) << events->path();
    paths.push_back(events->path());
  }
  for (const std::string& path : paths) EXPECT_EQ(read_file(path)->size(), read_file(paths[0])->size()) << path;
}

TEST(EventFile, NumbersOfStatistics) {
  Statistics statistics;
  statistics.set("level", 0.5);
  statistics.set("frozen", true);
  statistics.set("stage", "FULLY_COMPRESSED");
  statistics.child("loss").set("current_sparsity", 0.25);
  statistics.table("layers", {"name", "shape", "level"}).add_row({"layer1.conv", "[4, 3]", 0.75});
  statistics.table("numbers", {"count"}).add_row({3});
  EXPECT_THAT(numbers_of(statistics, "rb"),
              ElementsAre(Pair("rb/level", 0.5), Pair("rb/frozen", 1), Pair("rb/loss/current_sparsity", 0.25),
                          Pair("rb/layers/layer1.conv/level", 0.75)));
}

}  // namespace
}  // namespace pare
