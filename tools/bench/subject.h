// tools/bench/subject.h: what a benchmark runs on: a backend, its device's memory and a number of threads.
//
//   PARE_ASSIGN_OR_RETURN(Subject subject, make_subject("cpu", /*threads=*/2));
//   Workspace workspace(subject);
//   const float* x = *workspace.random<float>(1 << 20);

#ifndef PARE_TOOLS_BENCH_SUBJECT_H_
#define PARE_TOOLS_BENCH_SUBJECT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/device_memory.h"
#include "backends/kernel_backend.h"

namespace pare::tools::bench {

struct Subject {
  const backends::KernelBackend* backend = nullptr;
  std::string device;  // The device's name; empty for the processor.
  int threads = 1;     // Of the host, on which the kernels of "cpu" run.
  backends::Execution execution;
  std::shared_ptr<backends::DeviceMemory> memory;

  template <typename T>
  const backends::KernelTable<T>* table() const {
    return backend->table<T>(backend->device_kind);
  }
};

// specification: a backend's name, or a name and a device, as in backends/choice.h. The kernels run on LibTorch's
// threads: their number is set for the whole process when a benchmark starts. Errors: those of choose_backend.
absl::StatusOr<Subject> make_subject(const std::string& specification, int threads);

// Memory of a benchmark's tensors, given back when it ends.
class Workspace {
 public:
  explicit Workspace(const Subject& subject) : memory_(subject.memory) {}
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Touched once, so that the first run pays for no page.
  template <typename T>
  absl::StatusOr<T*> copy_of(const std::vector<T>& numbers) {
    return static_cast_or<T>(copy_bytes(numbers.data(), static_cast<int64_t>(numbers.size() * sizeof(T))));
  }
  template <typename T>
  absl::StatusOr<T*> zeros(int64_t count) {
    return copy_of(std::vector<T>(count));
  }
  // Normally distributed, the same each time.
  template <typename T>
  absl::StatusOr<T*> random(int64_t count) {
    std::vector<T> numbers(count);
    fill_random(numbers);
    return copy_of(numbers);
  }

 private:
  template <typename T>
  static absl::StatusOr<T*> static_cast_or(absl::StatusOr<void*> address) {
    if (!address.ok()) return address.status();
    return static_cast<T*>(*address);
  }
  static float random_number(int64_t i);
  template <typename T>
  static void fill_random(std::vector<T>& numbers) {
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = backends::from_float<T>(random_number(i));
  }
  absl::StatusOr<void*> copy_bytes(const void* from, int64_t bytes);

  std::shared_ptr<backends::DeviceMemory> memory_;
  std::vector<void*> allocated_;
};

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_SUBJECT_H_
