#include "statistics/event_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace pare {

namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

// Fields of Event, Summary and Summary.Value.
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;
constexpr int kValue = 1;
constexpr int kTag = 1, kSimpleValue = 2;

template <typename Write>
std::string message(const Write& write) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    CodedOutputStream out(&stream);
    write(out);
  }
  return bytes;
}

std::string event_of(absl::Time now, int64_t step, int field, const std::string& content) {
  return message([&](CodedOutputStream& out) {
    WireFormatLite::WriteDouble(kWallTime, absl::ToDoubleSeconds(now - absl::UnixEpoch()), &out);
    WireFormatLite::WriteInt64(kStep, step, &out);
    WireFormatLite::WriteBytes(field, content, &out);
  });
}

std::string summary_of(const NamedNumbers& numbers) {
  return message([&](CodedOutputStream& out) {
    for (const auto& [name, number] : numbers) {
      const std::string value = message([&](CodedOutputStream& inner) {
        WireFormatLite::WriteBytes(kTag, name, &inner);
        WireFormatLite::WriteFloat(kSimpleValue, static_cast<float>(number), &inner);
      });
      WireFormatLite::WriteBytes(kValue, value, &out);
    }
  });
}

std::string little_endian(uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

// A CRC of bytes that hold CRCs is weak: TensorFlow rotates it and adds a constant.
uint32_t masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0) return "localhost";
  return name.data();
}

std::string tag_of(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : absl::StrCat(prefix, "/", name);
}

void add_number(const std::string& name, const nlohmann::ordered_json& value, NamedNumbers& numbers) {
  if (value.is_boolean()) numbers.emplace_back(name, value.get<bool>() ? 1.0 : 0.0);
  if (value.is_number()) numbers.emplace_back(name, value.get<double>());
}

void add_table(const std::string& prefix, const nlohmann::ordered_json& rows, NamedNumbers& numbers) {
  for (const auto& row : rows) {
    if (!row.is_object() || row.empty() || !row.begin()->is_string()) continue;
    const std::string name = row.begin()->get<std::string>();
    for (auto cell = std::next(row.begin()); cell != row.end(); ++cell) {
      add_number(absl::StrCat(prefix, "/", name, "/", cell.key()), cell.value(), numbers);
    }
  }
}

void add_tree(const std::string& prefix, const nlohmann::ordered_json& tree, NamedNumbers& numbers) {
  for (const auto& [key, value] : tree.items()) {
    const std::string name = tag_of(prefix, key);
    if (value.is_object()) {
      add_tree(name, value, numbers);
    } else if (value.is_array()) {
      add_table(name, value, numbers);
    } else {
      add_number(name, value, numbers);
    }
  }
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    constexpr uint32_t kPolynomial = 0x82f63b78u;  // bits reversed
    std::array<uint32_t, 256> made{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t remainder = i;
      for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? kPolynomial : 0);
      made[i] = remainder;
    }
    return made;
  }();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = table[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

NamedNumbers numbers_of(const Statistics& statistics, const std::string& prefix) {
  NamedNumbers numbers;
  add_tree(prefix, statistics.to_json(), numbers);
  return numbers;
}

absl::StatusOr<EventFile> EventFile::create(const std::string& folder, absl::Time now) {
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (error && !std::filesystem::is_directory(folder)) {
    return absl::NotFoundError(
        absl::StrCat("cannot make the folder ", folder, " for TensorBoard's events: ", error.message()));
  }
  // Two within a second (a training that stops at once and is resumed) are two files all the same.
  const std::string stem =
      absl::StrFormat("%s/events.out.tfevents.%010d.%s", folder, absl::ToUnixSeconds(now), host_name());
  std::string path = stem;
  for (int i = 1; std::filesystem::exists(path, error); ++i) path = absl::StrCat(stem, ".", i);
  PARE_ASSIGN_OR_RETURN(AppendFile file, AppendFile::open(path));
  EventFile events(std::move(file));
  PARE_RETURN_IF_ERROR(events.append_record(event_of(now, 0, kFileVersion, "brain.Event:2")));
  return events;
}

absl::Status EventFile::append_record(const std::string& event) {
  const std::string length = little_endian(event.size(), 8);
  return file_.append(
      absl::StrCat(length, little_endian(masked(crc32c(length)), 4), event, little_endian(masked(crc32c(event)), 4)));
}

absl::Status EventFile::append(int64_t step, const NamedNumbers& numbers, absl::Time now) {
  if (numbers.empty()) return absl::OkStatus();
  return append_record(event_of(now, step, kSummary, summary_of(numbers)));
}

}  // namespace pare
