#include "tools/bench/subject.h"

#include <cstdlib>
#include <cstring>
#include <random>

#include "absl/strings/str_cat.h"
#include "backends/choice.h"
#include "backends/registry.h"
#include "base/status_macros.h"
#include "ops/torch_execution.h"

namespace pare::tools::bench {
namespace {

// Host memory, with the C library's copy on all of the threads.
class HostMemory : public backends::DeviceMemory {
 public:
  explicit HostMemory(const backends::Execution& execution) : execution_(execution) {}

  absl::StatusOr<void*> allocate(int64_t bytes) override {
    // A page more, so that tensors of a power of two do not all begin at the same place in the cache.
    const int64_t padded = (bytes + 4095) / 4096 * 4096 + 4096;
    void* const address = std::aligned_alloc(4096, padded);
    if (address == nullptr) return absl::ResourceExhaustedError(absl::StrCat("no ", padded, " bytes of memory"));
    return address;
  }
  void free(void* address) override { std::free(address); }
  absl::Status copy_from_host(void* to, const void* from, int64_t bytes) override { return copy(to, from, bytes); }
  absl::Status copy_to_host(void* to, const void* from, int64_t bytes) override { return copy(to, from, bytes); }
  absl::Status copy(void* to, const void* from, int64_t bytes) override {
    execution_.parallel_for(0, bytes, 1 << 17, [&](int64_t first, int64_t last) {
      std::memcpy(static_cast<char*>(to) + first, static_cast<const char*>(from) + first, last - first);
    });
    return absl::OkStatus();
  }
  absl::Status synchronize() override { return absl::OkStatus(); }

 private:
  backends::Execution execution_;
};

}  // namespace

absl::StatusOr<Subject> make_subject(const std::string& specification, int threads) {
  Subject subject;
  subject.threads = threads;
  if (threads > 1) subject.execution = ops::torch_execution();
  PARE_ASSIGN_OR_RETURN(const backends::BackendChoice choice,
                        backends::choose_backend(specification, subject.execution));
  PARE_ASSIGN_OR_RETURN(subject.backend, backends::find_backend(choice.name));
  if (subject.backend->devices != nullptr) {
    PARE_ASSIGN_OR_RETURN(const auto devices, subject.backend->devices());
    if (!devices.empty()) subject.device = devices.front().name;
  }
  if (subject.backend->memory == nullptr) {
    subject.memory = std::make_shared<HostMemory>(subject.execution);
  } else {
    PARE_ASSIGN_OR_RETURN(backends::DeviceMemory * memory, subject.backend->memory());
    subject.memory = std::shared_ptr<backends::DeviceMemory>(memory, [](backends::DeviceMemory*) {});
  }
  return subject;
}

Workspace::~Workspace() {
  // A device may still read what is freed here.
  (void)memory_->synchronize();
  for (void* address : allocated_) memory_->free(address);
}

float Workspace::random_number(int64_t i) {
  // 2^16 + 1 numbers again and again: an odd count, so that no channel sees the same ones.
  static const auto numbers = [] {
    std::vector<float> result(65537);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float& number : result) number = normal(random);
    return result;
  }();
  return numbers[i % numbers.size()];
}

absl::StatusOr<void*> Workspace::copy_bytes(const void* from, int64_t bytes) {
  PARE_ASSIGN_OR_RETURN(void* const address, memory_->allocate(bytes));
  allocated_.push_back(address);
  PARE_RETURN_IF_ERROR(memory_->copy_from_host(address, from, bytes));
  return address;
}

}  // namespace pare::tools::bench
