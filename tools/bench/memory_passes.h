// tools/bench/memory_passes.h: the fastest ways over memory: the yardsticks of kernels.

#ifndef PARE_TOOLS_BENCH_MEMORY_PASSES_H_
#define PARE_TOOLS_BENCH_MEMORY_PASSES_H_

#include <cstdint>

namespace pare::tools::bench {

// The sum of `count` floats, in vectors of the machine's greatest width, eight at a time.
float read_pass(const float* x, int64_t count);

// y = x, `count` floats, with stores that go past the caches: where a tensor does not fit into them, a line is written
// without being read before. y must be aligned to 64 bytes.
void streaming_copy(const float* x, int64_t count, float* y);

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_MEMORY_PASSES_H_
