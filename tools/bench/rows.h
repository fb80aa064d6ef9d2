// tools/bench/rows.h: the benchmarks, as rows of a table.
//
//   for (const Row& row : fake_quantize_rows(subject, elements)) {
//     PARE_ASSIGN_OR_RETURN(auto run, row.prepare());
//     run();
//   }
//
// A function a family gives the rows for a subject and a size. A kernel that the subject lacks has no row.

#ifndef PARE_TOOLS_BENCH_ROWS_H_
#define PARE_TOOLS_BENCH_ROWS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/bench/subject.h"

namespace pare::tools::bench {

// What a row's speed is held against, on the same subject, with as many elements.
enum class Yardstick {
  kCopy,    // The bytes a second of a copy.
  kRead,    // The bytes a second of a read, where the subject is the processor; else of a copy.
  kKernel,  // A row of Pare's own, named by `compared_with`: how often it is faster than this one.
  kNone,
};

struct Row {
  std::string name;     // The kernel's, or what is compared with it.
  std::string variant;  // "per tensor", "float16"
  int64_t elements = 0;
  int64_t bytes = 0;  // Read and written by a call; 0 where the time of a call is what counts.
  Yardstick yardstick = Yardstick::kNone;
  std::string compared_with;  // "name, variant" of a row.
  int64_t calls = 1;          // How many calls a run makes: its time is divided by it.

  // Makes the tensors; what it returns keeps them, and does a call.
  std::function<absl::StatusOr<std::function<absl::Status()>>()> prepare;
};

// "name, variant"
std::string label_of(const Row& row);

std::vector<Row> yardstick_rows(const Subject& subject, int64_t elements);      // yardstick_rows.cc
std::vector<Row> fake_quantize_rows(const Subject& subject, int64_t elements);  // fake_quantize_rows.cc
std::vector<Row> statistics_rows(const Subject& subject, int64_t elements);     // statistics_rows.cc
std::vector<Row> sparsity_rows(const Subject& subject, int64_t elements);       // sparsity_rows.cc
std::vector<Row> filter_rows(const Subject& subject, int64_t elements);         // filter_rows.cc
std::vector<Row> storage_rows(const Subject& subject, int64_t elements);        // storage_rows.cc
// What users call today instead, and Pare's operations as they are called. On the processor alone.
std::vector<Row> aten_rows(const Subject& subject, int64_t elements);  // aten_rows.cc

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_ROWS_H_
