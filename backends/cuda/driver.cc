#include "backends/cuda/driver.h"

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace pare::backends::cuda {
namespace {

struct Current {
  absl::Mutex mutex;
  std::optional<absl::StatusOr<Driver*>> driver ABSL_GUARDED_BY(mutex);
  absl::StatusOr<Driver*> (*opener)() ABSL_GUARDED_BY(mutex) = nullptr;
};

Current& current() {
  static auto* const current = new Current;
  return *current;
}

}  // namespace

absl::StatusOr<Driver*> current_driver() {
  Current& c = current();
  absl::MutexLock lock(&c.mutex);
  if (!c.driver.has_value()) {
    if (c.opener == nullptr) return absl::UnavailableError("no driver for CUDA devices is linked into this program");
    c.driver = c.opener();
  }
  return *c.driver;
}

void set_driver(Driver* driver) {
  Current& c = current();
  absl::MutexLock lock(&c.mutex);
  c.driver = driver;
}

void set_driver_opener(absl::StatusOr<Driver*> (*opener)()) {
  Current& c = current();
  absl::MutexLock lock(&c.mutex);
  c.opener = opener;
}

}  // namespace pare::backends::cuda
