#include "backends/cuda/launch_plan.h"

#include <algorithm>
#include <bit>

namespace pare::backends::cuda {
namespace {

constexpr int64_t kGroupBytes = 16;
// Runs below this many units leave too many of a block's threads idle: columns instead.
constexpr int64_t kShortRun = 32;
// So many blocks are wanted before a thread takes more than one unit.
constexpr int64_t kWantedBlocks = 1024;
// Of 256 threads each, on a multiprocessor at once.
constexpr uint64_t kBlocksOfMultiprocessor = 8;
// So many times as many blocks as run at once, so that none waits long for the last.
constexpr uint64_t kWavesOfLoop = 4;

// fast_divisor()'s limit.
constexpr int64_t kSmall = int64_t{1} << 31;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool all_aligned(std::initializer_list<const void*> tensors) {
  return std::all_of(tensors.begin(), tensors.end(),
                     [](const void* tensor) { return reinterpret_cast<uintptr_t>(tensor) % kGroupBytes == 0; });
}

// One channel: everything is one run.
Layout merged(const Layout& layout) { return layout.channels == 1 ? Layout::per_tensor(layout.size()) : layout; }

// How many of its units a thread takes, where `threads` of them are busy with `all_units`.
int64_t units_of_thread_for(int64_t all_units, int64_t threads, int64_t at_most) {
  return std::clamp<int64_t>(all_units / (threads * kWantedBlocks), 1, at_most);
}

void plan_runs(Reduction& r, int64_t group, int64_t at_most) {
  const int64_t unit = r.in_groups ? group : 1;
  r.units_of_run = divide_up(r.inner, unit);
  r.units = r.outer * r.units_of_run;
  r.threads = std::clamp<uint64_t>(std::bit_ceil(r.units), 32, kMaxThreads);
  r.units_of_piece = r.threads * units_of_thread_for(r.units * r.channels, r.threads, at_most);
  r.pieces = divide_up(r.units, r.units_of_piece);
}

void plan_columns(Reduction& r, int64_t group, int64_t at_most) {
  const int64_t unit = r.in_groups ? group : 1;
  r.units_of_row = r.channels * r.inner / unit;
  r.threads = kMaxThreads;
  r.width = std::min<uint64_t>(r.units_of_row, kMaxThreads);
  r.rows_at_once = std::min<uint64_t>(kMaxThreads / r.width, r.outer);
  r.tiles = divide_up(r.units_of_row, r.width);
  r.rows_of_piece = r.rows_at_once * units_of_thread_for(r.outer * r.units_of_row, kMaxThreads, at_most);
  r.pieces = divide_up(r.outer, r.rows_of_piece);
}

}  // namespace

Divider divider(int64_t divisor, int64_t end) {
  Divider result{};
  result.divisor = std::max<int64_t>(divisor, 1);
  result.is_small = end <= kSmall && divisor < kSmall;
  if (result.is_small) result.fast = fast_divisor(result.divisor);
  return result;
}

Elementwise elementwise(const Layout& any_layout, int64_t element_bytes, std::initializer_list<const void*> tensors) {
  const Layout layout = merged(any_layout);
  Elementwise e{};
  e.size = layout.size();
  e.channels = layout.channels;
  e.inner = divider(layout.inner, layout.size());
  e.runs = divider(layout.channels, layout.size());
  e.is_of_one_channel = layout.channels == 1;
  e.has_whole_groups = e.is_of_one_channel || layout.inner % (kGroupBytes / element_bytes) == 0;
  e.is_aligned = all_aligned(tensors);
  return e;
}

uint32_t loop_blocks(uint64_t items, int multiprocessors) {
  return std::min((items + kMaxThreads - 1) / kMaxThreads, multiprocessors * kBlocksOfMultiprocessor * kWavesOfLoop);
}

uint32_t ReductionPlan::combining_threads() const {
  return std::clamp<uint64_t>(std::bit_ceil(combination.count), 32, kMaxThreads);
}

ReductionPlan reduction_plan(const Layout& any_layout, int64_t element_bytes,
                             std::initializer_list<const void*> tensors, int64_t units_of_thread) {
  const Layout layout = merged(any_layout);
  const int64_t group = kGroupBytes / element_bytes;
  ReductionPlan plan{};
  Reduction& r = plan.reduction;
  r.outer = layout.outer;
  r.inner = layout.inner;
  r.channels = layout.channels;
  const int64_t row = layout.channels * layout.inner;
  r.is_aligned = all_aligned(tensors);
  // The end of the only run may be a part of a group; several runs lie one behind the other. Not by where the tensor
  // lies, so that sums are always the same.
  const bool runs_in_groups = layout.inner % group == 0 || layout.outer * layout.channels == 1;
  r.by_columns = layout.channels > 1 && layout.inner < kShortRun * (runs_in_groups ? group : 1);
  r.in_groups = r.by_columns ? row % group == 0 : runs_in_groups;
  if (r.by_columns) {
    plan_columns(r, group, units_of_thread);
    plan.combination = {r.pieces * r.inner, static_cast<uint64_t>(row), static_cast<uint32_t>(r.inner), r.channels};
  } else {
    plan_runs(r, group, units_of_thread);
    plan.combination = {r.pieces, r.channels, 1, r.channels};
  }
  return plan;
}

ReductionPlan counting_plan(const Layout& layout, int64_t element_bytes, std::initializer_list<const void*> tensors,
                            int multiprocessors) {
  const int64_t group = kGroupBytes / element_bytes;
  const int64_t blocks = multiprocessors * kBlocksOfMultiprocessor;
  const int64_t units = layout.size() / (group * kMaxThreads * blocks);
  // A block's own counts are of 32 bits.
  return reduction_plan(layout, element_bytes, tensors, std::clamp<int64_t>(units, kUnitsOfThread, int64_t{1} << 20));
}

}  // namespace pare::backends::cuda
