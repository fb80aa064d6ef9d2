// backends/cpu/targets.h: for tests: each instruction set that the kernels were compiled for and the machine has.
//
//   for_each_target([] { check_min_max(cpu_kernels()); });

#ifndef PARE_BACKENDS_CPU_TARGETS_H_
#define PARE_BACKENDS_CPU_TARGETS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace pare::backends {

// Calls test() once a target, with all dispatch going there; a failure's trace names it.
inline void for_each_target(absl::FunctionRef<void()> test) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    test();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace pare::backends

#endif  // PARE_BACKENDS_CPU_TARGETS_H_
