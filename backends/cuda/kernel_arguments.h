// backends/cuda/kernel_arguments.h: for the host's side of kernels: their parameters on the device, and the two
// launches of a reduction.
//
//   reduce<T, SumsOfPiece<1>>(call, layout, {x}, sources::sums, {"sum", "sum_combine"}, arguments(x), arguments(y));

#ifndef PARE_BACKENDS_CUDA_KERNEL_ARGUMENTS_H_
#define PARE_BACKENDS_CUDA_KERNEL_ARGUMENTS_H_

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <tuple>

#include "backends/cuda/arguments.h"
#include "backends/cuda/call.h"
#include "backends/kernel_backend.h"

namespace pare::backends::cuda {

inline Grid bind_grid(Call& call, const Layout& layout, const QuantizationGrid& grid) {
  return {call.input(grid.step, layout.channels), call.input(grid.inverse_step, layout.channels),
          call.input(grid.lowest, layout.channels), call.input(grid.highest, layout.channels)};
}

template <typename... A>
std::tuple<A...> arguments(A... all) {
  return {all...};
}

struct ReductionKernels {
  const char *pieces, *combine;
};

// reduction, first..., states to the one, combination, states, second... to the other. An empty tensor has no pieces:
// its channels get the state that is none.
template <typename T, typename State, typename... A, typename... B>
void reduce(Call& call, const Layout& layout, std::initializer_list<const void*> tensors, const Source& source,
            ReductionKernels kernels, const std::tuple<A...>& first, const std::tuple<B...>& second) {
  call.check_channels(layout);
  ReductionPlan plan;
  State* partial = nullptr;
  if (layout.size() > 0) {
    plan = reduction_plan(layout, sizeof(T), tensors);
    partial = call.scratch<State>(plan.states());
    std::apply(
        [&](auto... arguments) {
          call.launch<T>(source, kernels.pieces, plan.blocks(), plan.reduction.threads, plan.reduction, arguments...,
                         partial);
        },
        first);
  } else {
    plan.combination = {0, 0, 1, static_cast<uint32_t>(layout.channels)};
  }
  const uint64_t blocks =
      std::min<uint64_t>(layout.channels, call.blocks_for(static_cast<uint64_t>(layout.channels) * kMaxThreads));
  std::apply(
      [&](auto... arguments) {
        call.launch<T>(source, kernels.combine, blocks, plan.combining_threads(), plan.combination,
                       static_cast<const State*>(partial), arguments...);
      },
      second);
}

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNEL_ARGUMENTS_H_
