// backends/cpu/compress_table.h: which lanes come first when those that a mask names are moved together.

#ifndef PARE_BACKENDS_CPU_COMPRESS_TABLE_H_
#define PARE_BACKENDS_CPU_COMPRESS_TABLE_H_

#include <array>
#include <cstdint>

namespace pare::backends::cpu {

// For each mask of kCount lanes, as a number whose bit i is lane i, its lanes in order and then the others. A lane is
// told by the numbers of its kBytes bytes, or, with kBytes 1, by its own.
template <int kCount, int kBytes>
constexpr std::array<uint8_t, (size_t{1} << kCount) * kCount * kBytes> make_compress_table() {
  std::array<uint8_t, (size_t{1} << kCount) * kCount * kBytes> table{};
  for (int mask = 0; mask < 1 << kCount; ++mask) {
    int to = 0;
    for (const bool named : {true, false}) {
      for (int lane = 0; lane < kCount; ++lane) {
        if (((mask >> lane & 1) == 1) != named) continue;
        for (int byte = 0; byte < kBytes; ++byte) {
          table[(mask * kCount + to) * kBytes + byte] = static_cast<uint8_t>(lane * kBytes + byte);
        }
        ++to;
      }
    }
  }
  return table;
}

template <int kCount, int kBytes>
inline constexpr auto kCompressTable = make_compress_table<kCount, kBytes>();

}  // namespace pare::backends::cpu

#endif  // PARE_BACKENDS_CPU_COMPRESS_TABLE_H_
