#include "data/mnist.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace pare::data {
namespace {

// Many times the largest set in this format; a header that says more is a broken one.
constexpr int64_t kMostBytes = int64_t{1} << 31;
constexpr int64_t kFirstPart = int64_t{1} << 20;

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Reads up to `size` bytes; fewer only at the end of the file.
absl::StatusOr<int64_t> read_bytes(gzFile file, const std::string& path, void* bytes, int64_t size) {
  int64_t done = 0;
  while (done < size) {
    const auto part = static_cast<unsigned>(std::min<int64_t>(size - done, 1 << 24));
    const int got = gzread(file, static_cast<char*>(bytes) + done, part);
    int code = Z_OK;
    const char* message = gzerror(file, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": its gzip data cannot be read: ", message));
    }
    // zlib reports a compressed stream that ends early so, at its end.
    if (code == Z_BUF_ERROR) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": its gzip data is cut off; fetch the file again"));
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]};
}

absl::StatusOr<std::string> find_file(const std::string& dir, const std::string& name) {
  for (const char* suffix : {"", ".gz"}) {
    std::string path = absl::StrCat(dir, "/", name, suffix);
    if (exists(path)) return path;
  }
  return absl::NotFoundError(absl::StrCat(dir, ": holds neither ", name, " nor ", name, ".gz"));
}

}  // namespace

absl::StatusOr<IdxFile> read_idx_file(const std::string& path, int num_dimensions) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder, an IDX file is expected"));
  }
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened: ", std::strerror(errno)));
  auto close = absl::MakeCleanup([file] { gzclose(file); });

  std::vector<uint8_t> header(4 + 4 * num_dimensions);
  PARE_ASSIGN_OR_RETURN(const int64_t header_bytes, read_bytes(file, path, header.data(), header.size()));
  if (header_bytes < static_cast<int64_t>(header.size())) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected an IDX header of ", header.size(),
                                                   " bytes, found ", header_bytes, ": the file is cut off"));
  }
  const uint32_t expected_magic = 0x800 + num_dimensions;
  if (const uint32_t magic = big_endian(header.data()); magic != expected_magic) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: expected the magic number 0x%08x of an IDX file of bytes with %d dimension(s), found 0x%08x", path,
        expected_magic, num_dimensions, magic));
  }
  IdxFile result;
  int64_t size = 1;
  for (int i = 0; i < num_dimensions; ++i) {
    const int64_t dimension = big_endian(header.data() + 4 + 4 * i);
    if (dimension == 0 || dimension > kMostBytes / size) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": its header says dimension ", i, " is ", dimension, ", which no such data set has"));
    }
    size *= dimension;
    result.dimensions.push_back(dimension);
  }
  // Memory grows with what is there: a header of 16 bytes must not cost gigabytes.
  int64_t found = 0;
  while (found < size) {
    const int64_t part = std::min(size - found, std::max(kFirstPart, found));
    result.values.resize(found + part);
    PARE_ASSIGN_OR_RETURN(const int64_t got, read_bytes(file, path, result.values.data() + found, part));
    found += got;
    if (got < part) break;
  }
  if (found < size) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": its header says ", size, " bytes follow, found ", found,
                                                   ": the file is cut off; fetch it again"));
  }
  char more = 0;
  PARE_ASSIGN_OR_RETURN(const int64_t surplus, read_bytes(file, path, &more, 1));
  if (surplus != 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": its header says ", size, " bytes follow, found more"));
  }
  return result;
}

absl::StatusOr<std::unique_ptr<ImageDataset>> read_mnist(const MnistOptions& options) {
  if (!exists(options.dir)) {
    return absl::NotFoundError(absl::StrCat(options.dir, ": no such folder; MNIST is looked for there"));
  }
  const std::string prefix = options.split == Split::kTrain ? "train" : "t10k";
  PARE_ASSIGN_OR_RETURN(const std::string images_path, find_file(options.dir, prefix + "-images-idx3-ubyte"));
  PARE_ASSIGN_OR_RETURN(const std::string labels_path, find_file(options.dir, prefix + "-labels-idx1-ubyte"));
  PARE_ASSIGN_OR_RETURN(IdxFile images, read_idx_file(images_path, 3));
  PARE_ASSIGN_OR_RETURN(IdxFile labels, read_idx_file(labels_path, 1));
  if (images.dimensions[0] != labels.dimensions[0]) {
    return absl::InvalidArgumentError(absl::StrCat(images_path, ": has ", images.dimensions[0], " images, but ",
                                                   labels_path, " has ", labels.dimensions[0], " labels"));
  }
  return MemoryDataset::create(labels_path, {1, images.dimensions[1], images.dimensions[2]}, 10,
                               std::move(images.values), std::move(labels.values));
}

}  // namespace pare::data
