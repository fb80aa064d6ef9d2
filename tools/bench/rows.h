// tools/bench/rows.h: the benchmarks, as rows of a table.
//
//   for (const Row& row : all_rows(subject, /*size=*/1 << 20)) {
//     PARE_ASSIGN_OR_RETURN(auto run, row.prepare());
//     PARE_RETURN_IF_ERROR(run());
//   }
//
// A function a family gives the rows for a subject and a size. A kernel that the subject lacks has no row, nor has one
// whose layout does not fit into the size.
//
// Sizes are bytes of the tensor x that a kernel works on: a row on 16-bit numbers has twice as many as one on floats.
//
// How bytes are counted: the bytes of each tensor with an element (or a part of one: codes, a mask) for each element of
// x, that a call has to read or has to write, once each, however often the kernel passes over it. What there is once a
// channel or group (parameters, scales, sums, counts) is not counted. A copy counts what it reads and what it writes.
// A kernel that writes such a tensor is held against a copy, one that does not against a read.

#ifndef PARE_TOOLS_BENCH_ROWS_H_
#define PARE_TOOLS_BENCH_ROWS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/kernel_backend.h"
#include "base/status_macros.h"
#include "tools/bench/subject.h"

namespace pare::tools::bench {

// What a row's speed is held against, on the same subject, with the same size.
enum class Yardstick {
  kCopy,       // The bytes a second of the fastest copy.
  kRead,       // The bytes a second of a read, where the subject is the processor; else of a copy.
  kOperation,  // A row of Pare's own, named by `compared_with`: how often it is faster than this one.
  kNone,
};

inline constexpr char kCopyName[] = "copy", kReadName[] = "read";

struct Row {
  std::string name;     // The kernel's, or what is compared with it.
  std::string variant;  // "per tensor", "float16"
  int64_t size = 0;     // That the family was asked for: what places a row in the table.
  int64_t bytes = 0;    // Of a call, counted as above; 0 where the time of a call is what counts.
  Yardstick yardstick = Yardstick::kNone;
  std::string compared_with;  // "name, variant" of a row.
  int64_t calls = 1;          // How many calls a run makes: its time is divided by it.
  std::string left_out;       // Why it is not measured at this size; `prepare` is then not set.

  // Makes the tensors; what it returns keeps them, and does a run.
  std::function<absl::StatusOr<std::function<absl::Status()>>()> prepare;
};

// "name, variant"
std::string label_of(const Row& row);

// Those whose label is `wanted`, the copies and reads, and all that these are compared with.
std::vector<Row> filtered_rows(const std::vector<Row>& rows, const std::function<bool(const std::string&)>& wanted);

// Of a convolution of 3x3 over 256 channels, with as many filters as fit, at most 512.
inline backends::Layout weight_layout(int64_t elements) {
  const int64_t filters = std::clamp<int64_t>(elements / 2304, 1, 512);
  return {1, filters, elements / filters};
}

// Activations with channels last.
inline backends::Layout channels_last_layout(int64_t elements) { return {elements / 64, 64, 1}; }

// ", bfloat16"; empty for float.
template <typename T>
std::string type_suffix() {
  if constexpr (std::is_same_v<T, float>) return "";
  return std::is_same_v<T, backends::Half> ? ", float16" : ", bfloat16";
}

// The row, whose run is call(tensors). Tensors: a Workspace with a function make(shape), which makes its arrays.
template <typename Tensors, typename Shape, typename Call>
Row make_row(const Subject& subject, Row row, const Shape& shape, const Call& call) {
  row.prepare = [=]() -> absl::StatusOr<std::function<absl::Status()>> {
    const auto tensors = std::make_shared<Tensors>(subject);
    PARE_RETURN_IF_ERROR(tensors->make(shape));
    return [=] { return call(*tensors); };
  };
  return row;
}

// Adds that row if there is a kernel and its shape holds an element.
template <typename Tensors, typename Kernel, typename Shape, typename Call>
void add_row(const Subject& subject, std::vector<Row>& rows, Kernel* kernel, Row row, const Shape& shape,
             const Call& call) {
  if (kernel == nullptr || shape.size() == 0) return;
  rows.push_back(make_row<Tensors>(subject, std::move(row), shape, call));
}

std::vector<Row> yardstick_rows(const Subject& subject, int64_t size);      // yardstick_rows.cc
std::vector<Row> fake_quantize_rows(const Subject& subject, int64_t size);  // fake_quantize_rows.cc
std::vector<Row> statistics_rows(const Subject& subject, int64_t size);     // statistics_rows.cc
std::vector<Row> sparsity_rows(const Subject& subject, int64_t size);       // sparsity_rows.cc
std::vector<Row> filter_rows(const Subject& subject, int64_t size);         // filter_rows.cc
std::vector<Row> storage_rows(const Subject& subject, int64_t size);        // storage_rows.cc
// What users call today instead, and Pare's operations as they are called. Where LibTorch has tensors: on the
// processor, and on CUDA devices if it has CUDA.
std::vector<Row> aten_rows(const Subject& subject, int64_t size);  // aten_rows.cc

// Of every family.
std::vector<Row> all_rows(const Subject& subject, int64_t size);

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_ROWS_H_
