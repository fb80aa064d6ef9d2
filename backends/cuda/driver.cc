#include "backends/cuda/driver.h"

#include <mutex>
#include <optional>

namespace pare::backends::cuda {
namespace {

struct Current {
  std::mutex mutex;  // guards the others
  std::optional<absl::StatusOr<Driver*>> driver;
  absl::StatusOr<Driver*> (*opener)() = nullptr;
};

Current& current() {
  static auto* const current = new Current;
  return *current;
}

}  // namespace

absl::StatusOr<Driver*> current_driver() {
  Current& c = current();
  const std::lock_guard<std::mutex> lock(c.mutex);
  if (!c.driver.has_value()) {
    if (c.opener == nullptr) return absl::UnavailableError("no driver for CUDA devices is linked into this program");
    c.driver = c.opener();
  }
  return *c.driver;
}

void set_driver(Driver* driver) {
  Current& c = current();
  const std::lock_guard<std::mutex> lock(c.mutex);
  c.driver = driver;
}

void set_driver_opener(absl::StatusOr<Driver*> (*opener)()) {
  Current& c = current();
  const std::lock_guard<std::mutex> lock(c.mutex);
  c.opener = opener;
}

}  // namespace pare::backends::cuda
