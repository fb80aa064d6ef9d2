// tools/bench/read_pass.h: the fastest way to read memory once: the yardstick of statistics.

#ifndef PARE_TOOLS_BENCH_READ_PASS_H_
#define PARE_TOOLS_BENCH_READ_PASS_H_

#include <cstdint>

namespace pare::tools::bench {

// The sum of `count` floats, in vectors of the machine's greatest width, eight at a time.
float read_pass(const float* x, int64_t count);

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_READ_PASS_H_
