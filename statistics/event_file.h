// statistics/event_file.h: a log of numbers over steps that TensorBoard shows as curves.
//
//   PARE_ASSIGN_OR_RETURN(EventFile events, EventFile::create("out/tensorboard"));
//   PARE_RETURN_IF_ERROR(events.append(/*step=*/3, {{"training/loss", 0.31}, {"evaluation/top1", 0.92}}));
//   PARE_RETURN_IF_ERROR(events.append(3, numbers_of(algorithm.statistics(), "compression")));
//
// The format is TensorFlow's: a file "events.out.tfevents.<seconds>.<host>" of records, each its length (64 bits), a
// masked CRC-32C of the length, the bytes of an Event message in protobuf's encoding, and a masked CRC-32C of these
// (tensorflow/core/lib/io/record_writer.h, core/util/event.proto, core/framework/summary.proto). Written as
// base/append_file.h says: a record is there whole or not at all.

#ifndef PARE_STATISTICS_EVENT_FILE_H_
#define PARE_STATISTICS_EVENT_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/append_file.h"
#include "statistics/statistics.h"

namespace pare {

// Names, in which '/' makes groups, and numbers; a NaN is kept, and TensorBoard shows that there was one.
using NamedNumbers = std::vector<std::pair<std::string, double>>;

// Every number and bool of a tree, named by its path with '/' in place of '.', under `prefix`. Of a table whose first
// column is text, each number of a row: "<prefix>/<table>/<first cell>/<column>".
NamedNumbers numbers_of(const Statistics& statistics, const std::string& prefix);

class EventFile {
 public:
  // Makes the folder (its parent must be there) and a new file in it; the files of one folder are one run, so a
  // training that is resumed makes another one. Errors: base/append_file.h's.
  static absl::StatusOr<EventFile> create(const std::string& folder, absl::Time now = absl::Now());

  const std::string& path() const { return file_.path(); }
  absl::Status append(int64_t step, const NamedNumbers& numbers, absl::Time now = absl::Now());

 private:
  explicit EventFile(AppendFile file) : file_(std::move(file)) {}
  absl::Status append_record(const std::string& event);

  AppendFile file_;
};

// CRC-32C (Castagnoli), as RFC 3720 defines it, not masked.
uint32_t crc32c(std::string_view bytes);

}  // namespace pare

#endif  // PARE_STATISTICS_EVENT_FILE_H_
