// backends/cuda/launch_plan.h: how a tensor is laid out over blocks and threads: pure functions.
//
//   const Elementwise elements = elementwise(layout, sizeof(float), {x, y});
//   call.launch<float>(source, "negate", loop_blocks(elements.size / 4, multiprocessors), kMaxThreads, elements, x, y);
//
//   const ReductionPlan plan = reduction_plan(layout, sizeof(float), {x});   // kernel_arguments.h launches it

#ifndef PARE_BACKENDS_CUDA_LAUNCH_PLAN_H_
#define PARE_BACKENDS_CUDA_LAUNCH_PLAN_H_

#include <cstdint>
#include <initializer_list>

#include "backends/cuda/arguments.h"
#include "backends/kernel_backend.h"

namespace pare::backends::cuda {

// So many units a thread takes at most before sums are added up; see kSumTolerance.
inline constexpr int64_t kUnitsOfThread = 32;

// For numbers below `end`.
Divider divider(int64_t divisor, int64_t end);

// tensors: all that the kernel reads and writes in groups, null for those that it does not.
Elementwise elementwise(const Layout& layout, int64_t element_bytes, std::initializer_list<const void*> tensors);

// Blocks of kMaxThreads for `items` units of work, a thread each, up to some times as many as the device runs at once;
// the kernel loops over the rest. 0 for none.
uint32_t loop_blocks(uint64_t items, int multiprocessors);

struct ReductionPlan {
  Reduction reduction;
  Combination combination;

  uint64_t blocks() const { return reduction.pieces * (reduction.by_columns ? reduction.tiles : reduction.channels); }
  // States that the first kernel writes.
  uint64_t states() const { return reduction.pieces * combination.row; }
  uint32_t combining_threads() const;
};

// layout.size() > 0. units_of_thread: what a thread takes at most.
ReductionPlan reduction_plan(const Layout& layout, int64_t element_bytes, std::initializer_list<const void*> tensors,
                             int64_t units_of_thread = kUnitsOfThread);

// For kernels that count, whose results do not depend on how a tensor is cut: as few pieces as keep the device busy,
// since each adds its counts to those of all.
ReductionPlan counting_plan(const Layout& layout, int64_t element_bytes, std::initializer_list<const void*> tensors,
                            int multiprocessors);

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_LAUNCH_PLAN_H_
