// tools/bench/subject.h: what a benchmark runs on: a backend, a device, its memory and a number of threads.
//
//   PARE_ASSIGN_OR_RETURN(Subject subject, make_subject("cpu", /*threads=*/2));
//   PARE_RETURN_IF_ERROR(subject.activate());
//   Workspace workspace(subject);
//   PARE_ASSIGN_OR_RETURN(const float* x, workspace.random<float>(1 << 20));

#ifndef PARE_TOOLS_BENCH_SUBJECT_H_
#define PARE_TOOLS_BENCH_SUBJECT_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/device_arrays.h"
#include "backends/device_memory.h"
#include "backends/kernel_backend.h"

namespace pare::tools::bench {

struct Subject {
  const backends::KernelBackend* backend = nullptr;
  std::string name;    // "cpu", "vulkan:1": unlike that of any other backend or device.
  std::string device;  // The device's name; empty for the processor.
  int device_index = 0;
  int threads = 1;  // Of the host, on which the kernels of "cpu" run.
  backends::Execution execution;
  backends::DeviceMemory* memory = nullptr;

  bool is_on_host() const { return backend->memory == nullptr; }
  template <typename T>
  const backends::KernelTable<T>* table() const {
    return backend->table<T>(backend->device_kind);
  }

  // Device, number of LibTorch's threads and the kernels of `ops` are the whole process's: this sets them to the
  // subject's, which a benchmark on it needs as long as it runs. Errors: those of selecting.
  absl::Status activate() const;
};

// specification: a backend's name, or a name and a device, as in backends/choice.h. Errors: those of choose_backend;
// Internal for a backend that does not say which of its devices is selected.
absl::StatusOr<Subject> make_subject(const std::string& specification, int threads);

// 2^16 + 1 numbers, normally distributed, always the same. An odd count, so that where they are repeated no channel
// sees the same ones.
const std::vector<float>& random_floats();

// The arrays of a benchmark, and the threads of its kernels. What derives from it is a family's tensors (rows.h).
class Workspace : public backends::DeviceArrays {
 public:
  explicit Workspace(const Subject& subject) : DeviceArrays(*subject.memory), execution(subject.execution) {}

  template <typename T>
  absl::StatusOr<T*> random(int64_t count) {
    std::vector<T> numbers(random_floats().size());
    std::transform(random_floats().begin(), random_floats().end(), numbers.begin(), backends::from_float<T>);
    return repeated(numbers, count);
  }
  template <typename T>
  absl::StatusOr<T*> zeros(int64_t count) {
    return filled(T(), count);
  }
  // A quantizer's with a step of 0.02.
  absl::StatusOr<backends::QuantizationGrid> grid(int64_t channels, float lowest, float highest);

  const backends::Execution execution;
};

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_SUBJECT_H_
