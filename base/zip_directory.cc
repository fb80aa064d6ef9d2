#include "base/zip_directory.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare {
namespace {

constexpr uint32_t kEntry = 0x02014b50, kLocal = 0x04034b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr uint64_t kEntrySize = 46, kLocalSize = 30, kEndSize = 22, kEnd64Size = 56, kEnd64LocatorSize = 20;
// A model has some records a tensor and a class; LibTorch holds the whole directory in memory.
constexpr uint64_t kMostDirectoryBytes = uint64_t{1} << 28;
constexpr uint64_t kMostUnpackedBytes = uint64_t{1} << 28;

uint64_t number(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

class Reader {
 public:
  Reader(std::istream& file, std::string_view what) : file_(file), what_(what) {
    file_.clear();
    file_.seekg(0, std::ios::end);
    const std::streamoff end = file_.tellg();
    size_ = end < 0 ? 0 : static_cast<uint64_t>(end);
  }

  uint64_t size() const { return size_; }

  absl::Status refuse(std::string_view why) const {
    return absl::InvalidArgumentError(
        absl::StrCat(what_, ": no file that LibTorch wrote, or one that is damaged: ", std::string(why)));
  }

  absl::StatusOr<std::string> read(uint64_t offset, uint64_t size) {
    if (offset > size_ || size > size_ - offset) return refuse("it is cut off, or points beyond its end");
    std::string bytes(size, '\0');
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(offset));
    if (!file_.read(bytes.data(), static_cast<std::streamsize>(size))) return refuse("it cannot be read");
    return bytes;
  }

 private:
  std::istream& file_;
  std::string what_;
  uint64_t size_ = 0;
};

struct Directory {
  uint64_t offset, size, entries;
};

absl::StatusOr<Directory> find_directory(Reader& reader) {
  if (reader.size() < kEndSize) return reader.refuse("it is too short for a zip file");
  const uint64_t end_at = reader.size() - kEndSize;
  PARE_ASSIGN_OR_RETURN(const std::string end, reader.read(end_at, kEndSize));
  if (number(end, 0, 4) != kEnd || number(end, 20, 2) != 0) {
    return reader.refuse("it does not end as a zip file without a comment does");
  }
  Directory directory{number(end, 16, 4), number(end, 12, 4), number(end, 10, 2)};
  if (number(end, 4, 2) != 0 || number(end, 6, 2) != 0)
    return reader.refuse("it is one of several parts of a zip file");
  uint64_t limit = end_at;
  if (end_at >= kEnd64LocatorSize) {
    PARE_ASSIGN_OR_RETURN(const std::string locator, reader.read(end_at - kEnd64LocatorSize, kEnd64LocatorSize));
    if (number(locator, 0, 4) == kEnd64Locator) {
      const uint64_t end64_at = number(locator, 8, 8);
      PARE_ASSIGN_OR_RETURN(const std::string end64, reader.read(end64_at, kEnd64Size));
      if (number(end64, 0, 4) != kEnd64) return reader.refuse("its 64-bit directory is not where it is said to be");
      directory = {number(end64, 48, 8), number(end64, 40, 8), number(end64, 32, 8)};
      limit = end64_at;
    }
  }
  if (directory.size > kMostDirectoryBytes) return reader.refuse("its directory is larger than 256 MiB");
  if (directory.offset > limit || directory.size > limit - directory.offset) {
    return reader.refuse("its directory points beyond its end");
  }
  return directory;
}

// A size or offset of 64 bits stands in the entry's extra field, in this order, where its own 32 bits are all ones.
struct Entry {
  uint64_t size, packed_size, offset;
};

bool read_wide(std::string_view extra, Entry& entry) {
  for (size_t at = 0; at + 4 <= extra.size();) {
    const uint64_t id = number(extra, at, 2), length = number(extra, at + 2, 2);
    at += 4;
    if (length > extra.size() - at) return false;
    if (id == 1) {
      size_t from = at;
      for (uint64_t* value : {&entry.size, &entry.packed_size, &entry.offset}) {
        if (*value != std::numeric_limits<uint32_t>::max()) continue;
        if (from + 8 > at + length) return false;
        *value = number(extra, from, 8);
        from += 8;
      }
      return true;
    }
    at += length;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::map<std::string, ZipRecord>> read_zip_directory(std::istream& file, std::string_view what) {
  Reader reader(file, what);
  PARE_ASSIGN_OR_RETURN(const Directory directory, find_directory(reader));
  PARE_ASSIGN_OR_RETURN(const std::string bytes, reader.read(directory.offset, directory.size));
  std::map<std::string, ZipRecord> records;
  std::set<std::string> folded;
  uint64_t at = 0, stored = 0, unpacked = 0;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    if (bytes.size() - at < kEntrySize || number(bytes, at, 4) != kEntry) {
      return reader.refuse(absl::StrCat("entry ", i, " of its directory is broken"));
    }
    const uint64_t flags = number(bytes, at + 8, 2), method = number(bytes, at + 10, 2);
    const uint64_t name_size = number(bytes, at + 28, 2), extra_size = number(bytes, at + 30, 2);
    const uint64_t comment_size = number(bytes, at + 32, 2);
    Entry entry{number(bytes, at + 24, 4), number(bytes, at + 20, 4), number(bytes, at + 42, 4)};
    at += kEntrySize;
    if (bytes.size() - at < name_size + extra_size + comment_size) {
      return reader.refuse(absl::StrCat("entry ", i, " of its directory is cut off"));
    }
    const std::string name = bytes.substr(at, name_size);
    if (std::any_of(name.begin(), name.end(), [](unsigned char byte) { return absl::ascii_iscntrl(byte); })) {
      return reader.refuse(absl::StrCat("record ", absl::CHexEscape(name), " has a control character in its name"));
    }
    if (!read_wide(std::string_view(bytes).substr(at + name_size, extra_size), entry)) {
      return reader.refuse(absl::StrCat("the sizes of its record ", i, " are broken"));
    }
    at += name_size + extra_size + comment_size;
    const bool is_compressed = method == Z_DEFLATED;
    if ((method != 0 && !is_compressed) || (!is_compressed && entry.size != entry.packed_size) || (flags & 1) != 0) {
      return reader.refuse(
          absl::StrCat("record ", absl::CHexEscape(name), " is encrypted, or compressed as LibTorch does not"));
    }
    PARE_ASSIGN_OR_RETURN(const std::string local, reader.read(entry.offset, kLocalSize));
    if (number(local, 0, 4) != kLocal) {
      return reader.refuse(absl::StrCat("record ", absl::CHexEscape(name), " is not where the directory says"));
    }
    const uint64_t data = entry.offset + kLocalSize + number(local, 26, 2) + number(local, 28, 2);
    if (data > reader.size() || entry.packed_size > reader.size() - data ||
        (stored += entry.packed_size) > reader.size()) {
      return reader.refuse(absl::StrCat("record ", absl::CHexEscape(name), " is said to have ", entry.packed_size,
                                        " bytes, more than the file has room for"));
    }
    if (is_compressed && (entry.size > kMostUnpackedBytes || (unpacked += entry.size) > kMostUnpackedBytes)) {
      return reader.refuse("its compressed records are said to unpack to more than 256 MiB");
    }
    if (!folded.insert(absl::AsciiStrToLower(name)).second) {
      return reader.refuse(absl::StrCat("two records have the name ", absl::CHexEscape(name)));
    }
    records[name] = {entry.size, entry.packed_size, data, is_compressed};
  }
  file.clear();
  file.seekg(0);
  return records;
}

absl::StatusOr<std::string> read_zip_record(std::istream& file, const ZipRecord& record, uint64_t most,
                                            std::string_view what) {
  Reader reader(file, what);
  if (record.size > most) return reader.refuse(absl::StrCat("it has ", record.size, " bytes; ", most, " are the most"));
  PARE_ASSIGN_OR_RETURN(std::string packed, reader.read(record.offset, record.packed_size));
  if (!record.is_compressed) return packed;
  std::string unpacked(record.size, '\0');
  z_stream stream = {};
  // A negative number of bits: no header of zlib's own.
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return absl::ResourceExhaustedError("zlib cannot be started");
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
  stream.avail_out = static_cast<uInt>(unpacked.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool is_whole = result == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!is_whole) return reader.refuse("a compressed record does not unpack to what is said");
  return unpacked;
}

}  // namespace pare
