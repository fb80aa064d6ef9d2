#include <algorithm>
#include <atomic>

#include "tools/bench/memory_passes.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

// What the kernels of backends/cpu give a thread at least, in elements.
constexpr int64_t kGrain = 32768;

struct Tensors : Workspace {
  using Workspace::Workspace;
  absl::Status make(int64_t count) {
    elements = count;
    PARE_ASSIGN_OR_RETURN(x, random<float>(elements));
    PARE_ASSIGN_OR_RETURN(y, zeros<float>(elements));
    return absl::OkStatus();
  }
  // Calls body(first, count) for ranges that begin at multiples of kGrain, on the subject's threads.
  template <typename Body>
  void for_each_range(const Body& body) const {
    execution.parallel_for(0, (elements + kGrain - 1) / kGrain, 1, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * kGrain;
      body(first, std::min(elements, end * kGrain) - first);
    });
  }

  int64_t elements = 0;
  float *x = nullptr, *y = nullptr;
};

}  // namespace

std::vector<Row> yardstick_rows(const Subject& subject, int64_t size) {
  const int64_t elements = size / 4;
  std::vector<Row> rows;
  Row copy{.name = kCopyName, .size = size, .bytes = 8 * elements};
  if (subject.is_on_host()) copy.variant = "C library";
  rows.push_back(make_row<Tensors>(subject, copy, elements, [memory = subject.memory](const Tensors& t) {
    return memory->copy(t.y, t.x, 4 * t.elements);
  }));
  if (!subject.is_on_host()) return rows;
  // Not every C library goes past the caches where that is faster, and none knows how many threads copy at once.
  copy.variant = "streaming stores";
  rows.push_back(make_row<Tensors>(subject, copy, elements, [](const Tensors& t) {
    t.for_each_range([&](int64_t first, int64_t count) { streaming_copy(t.x + first, count, t.y + first); });
    return absl::OkStatus();
  }));
  const Row read{.name = kReadName, .size = size, .bytes = 4 * elements};
  rows.push_back(make_row<Tensors>(subject, read, elements, [](const Tensors& t) {
    std::atomic<float> sum = 0;
    t.for_each_range(
        [&](int64_t first, int64_t count) { sum.store(read_pass(t.x + first, count), std::memory_order_relaxed); });
    return absl::OkStatus();
  }));
  return rows;
}

}  // namespace pare::tools::bench
