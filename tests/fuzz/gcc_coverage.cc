// Tells LibFuzzer what code of g++'s an input has run: clang writes counters that LibFuzzer reads, g++ calls
// __sanitizer_cov_trace_pc(), which LibFuzzer ignores. The linker's --wrap (--config=fuzz_gcc in .bazelrc) has it call
// this file's function instead.

#include <cstddef>
#include <cstdint>

namespace {

constexpr int kCounterBits = 16;
constexpr size_t kCounters = size_t{1} << kCounterBits;
uint8_t counters[kCounters];  // one for several places in the code, if their addresses say so

}  // namespace

extern "C" {

void __sanitizer_cov_8bit_counters_init(uint8_t* begin, uint8_t* end);

__attribute__((no_sanitize_coverage)) void __wrap___sanitizer_cov_trace_pc() {
  // From something in the program, as it is loaded elsewhere each time; spread by Fibonacci hashing.
  const uintptr_t place =
      reinterpret_cast<uintptr_t>(__builtin_return_address(0)) - reinterpret_cast<uintptr_t>(&counters);
  ++counters[place * 0x9E3779B97F4A7C15u >> (64 - kCounterBits)];
}

// g++ reports these too, clang does not, and LibFuzzer has none.
void __sanitizer_cov_trace_cmpf(float, float) {}
void __sanitizer_cov_trace_cmpd(double, double) {}
}

namespace {

const bool is_registered = (__sanitizer_cov_8bit_counters_init(counters, counters + kCounters), true);

}  // namespace
