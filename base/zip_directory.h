// base/zip_directory.h: what a zip file says it holds, read before a library unpacks it.
//
//   std::ifstream file("model.pt", std::ios::binary);
//   PARE_ASSIGN_OR_RETURN(auto records, read_zip_directory(file, "model.pt"));
//   records["net/data.pkl"].size;
//
// LibTorch writes models, checkpoints and states of optimizers as zip files. Its reader allocates whatever size the
// directory gives, unpacks compressed records however large they become, and finds names without regard to case or to
// what follows a NUL. What it writes is plainer, and only that is taken: stored records fit into the file all together;
// compressed ones (the text of code) unpack to 256 MiB at most; no two names differ in case alone, and none has a
// control character; nothing follows the directory.

#ifndef PARE_BASE_ZIP_DIRECTORY_H_
#define PARE_BASE_ZIP_DIRECTORY_H_

#include <cstdint>
#include <istream>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pare {

struct ZipRecord {
  uint64_t size = 0;         // unpacked
  uint64_t packed_size = 0;  // in the file
  uint64_t offset = 0;       // of its first byte in the file
  bool is_compressed = false;
};

// By name, as the directory writes it. InvalidArgument, naming `what`, for all that is not as above.
absl::StatusOr<std::map<std::string, ZipRecord>> read_zip_directory(std::istream& file, std::string_view what);

// A record's content, unpacked. InvalidArgument if it has more than `most` bytes, or unpacks to another size than is
// said.
absl::StatusOr<std::string> read_zip_record(std::istream& file, const ZipRecord& record, uint64_t most,
                                            std::string_view what);

}  // namespace pare

#endif  // PARE_BASE_ZIP_DIRECTORY_H_
