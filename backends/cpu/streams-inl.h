// backends/cpu/streams-inl.h: large tensors on their way through memory: outputs that go past the caches, and inputs
// that are asked for ahead.
//
//   const bool streams = can_stream(size, y) && y != x;
//   for (...) {
//     read_ahead(x + i);
//     streams ? put<Output::kStreamed>(f(load_vector(x + i)), y + i) : put<Output::kStored>(...);
//   }
//   end_streams(streams);
//
// A store into memory that is not in the cache first reads what stands there: a kernel that reads and writes as much
// moves three bytes for each two of its own. A stream does not. It wants an aligned place, and what it wrote has to be
// read from memory again, so small outputs, which the next kernel finds in the cache, are stored. Compiled once an
// instruction set, as backends/cpu/lanes-inl.h is.

#if defined(PARE_BACKENDS_CPU_STREAMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_STREAMS_INL_H_
#undef PARE_BACKENDS_CPU_STREAMS_INL_H_
#else
#define PARE_BACKENDS_CPU_STREAMS_INL_H_
#endif

#include <cstdint>

#include "backends/cpu/lanes-inl.h"
#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

enum class Output { kNone, kStored, kStreamed };

// From this size on, an output would not stay in the caches anyway.
inline constexpr int64_t kStreamedBytes = int64_t{32} << 20;

// What a stream's place is a multiple of: the longest vector.
inline constexpr int64_t kStreamAlignment = kLanes * sizeof(float);

template <typename T>
HWY_INLINE bool is_stream_place(const T* y) {
  return reinterpret_cast<uintptr_t>(y) % kStreamAlignment == 0;
}

// Whether the `size` numbers at y may and should be streamed, if they are not an input, too.
template <typename T>
HWY_INLINE bool can_stream(int64_t size, const T* y) {
  return size * int64_t{sizeof(T)} >= kStreamedBytes && is_stream_place(y);
}

template <Output kOutput, typename T>
HWY_INLINE void put(V y, T* to) {
  if constexpr (kOutput == Output::kStreamed) {
    hn::Stream(y, Floats(), to);
  } else if constexpr (kOutput == Output::kStored) {
    store_vector(y, to);
  }
}

// The first `count` numbers of a group.
template <Output kOutput, typename T>
HWY_INLINE void put_group(const V* group, int64_t count, T* to) {
  if (count < kLanes) return store_group(group, count, to);
  for (int64_t part = 0; part < kParts; ++part) put<kOutput>(group[part], to + part * kWidth);
}

// A stream's writes have to be seen by whoever waits for the thread.
HWY_INLINE void end_streams(bool streams) {
  if (streams) hwy::FlushStream();
}

// Asks for the memory that a loop over x will read a kilobyte later; it need not be there. The machine's own reading
// ahead alone leaves a core waiting.
template <typename T>
HWY_INLINE void read_ahead(const T* x, int64_t bytes = 1024) {
  hwy::Prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(x) + bytes));
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_STREAMS_INL_H_
