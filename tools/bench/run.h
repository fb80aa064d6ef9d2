// tools/bench/run.h: measures what the options say, and writes the figures.
//
//   PARE_ASSIGN_OR_RETURN(const std::vector<Entry> entries, plan(options));
//   return measure(options, entries, std::cout, std::cerr);

#ifndef PARE_TOOLS_BENCH_RUN_H_
#define PARE_TOOLS_BENCH_RUN_H_

#include <ostream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/options.h"
#include "tools/bench/rows.h"
#include "tools/bench/subject.h"

namespace pare::tools::bench {

struct Entry {
  Subject subject;
  Row row;
};

// Every row that the options ask for, on every subject. Errors: those of make_subject; InvalidArgument where two
// entries of `backends` are one device, or the filter finds no row.
absl::StatusOr<std::vector<Entry>> plan(const Options& options);

// Measures each entry `repetitions` times, in random order, so that what else the machine does falls on all of them
// alike; a figure is the median. Writes the table to `out`, a dot a figure to `progress`, and bench.json and bench.md
// into the output folder, whole or not at all. Errors: those of making the folder and of its files, before anything is
// measured where the folder is at fault; Internal if rows failed: the others have figures, and the table says which.
// Not to be called from two threads: Google Benchmark's list is the process's.
absl::Status measure(const Options& options, const std::vector<Entry>& entries, std::ostream& out,
                     std::ostream& progress);

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_RUN_H_
