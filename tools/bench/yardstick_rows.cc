#include <atomic>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/bench/read_pass.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {

std::string label_of(const Row& row) {
  return row.variant.empty() ? row.name : absl::StrCat(row.name, ", ", row.variant);
}

std::vector<Row> yardstick_rows(const Subject& subject, int64_t elements) {
  std::vector<Row> rows;
  rows.push_back({.name = "copy", .elements = elements, .bytes = 8 * elements});
  rows.back().prepare = [subject, elements]() -> absl::StatusOr<std::function<absl::Status()>> {
    const auto workspace = std::make_shared<Workspace>(subject);
    PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(elements));
    PARE_ASSIGN_OR_RETURN(float* const y, workspace->zeros<float>(elements));
    return [subject, workspace, x, y, elements] { return subject.memory->copy(y, x, 4 * elements); };
  };
  if (subject.backend->memory != nullptr) return rows;
  rows.push_back({.name = "read", .elements = elements, .bytes = 4 * elements});
  rows.back().prepare = [subject, elements]() -> absl::StatusOr<std::function<absl::Status()>> {
    const auto workspace = std::make_shared<Workspace>(subject);
    PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(elements));
    return [subject, workspace, x, elements] {
      std::atomic<float> sum = 0;
      subject.execution.parallel_for(0, elements, 32768, [&](int64_t first, int64_t last) {
        sum.store(read_pass(x + first, last - first), std::memory_order_relaxed);
      });
      return absl::OkStatus();
    };
  };
  return rows;
}

}  // namespace pare::tools::bench
