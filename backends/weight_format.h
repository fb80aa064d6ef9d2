// backends/weight_format.h: how weights are stored in a few bits, in groups along a row, each with a scale of its own.
//
//   const GroupedLayout layout{/*rows=*/4096, /*columns=*/11008, /*group_size=*/128};
//   std::vector<uint8_t> codes(layout.rows * row_bytes(WeightFormat::kInt4Symmetric, layout));
//   std::vector<float> scales(layout.rows * layout.groups());
//
// The arithmetic is in backends/kernel_backend.h (quantize_groups); the tables and constants that it names are here.

#ifndef PARE_BACKENDS_WEIGHT_FORMAT_H_
#define PARE_BACKENDS_WEIGHT_FORMAT_H_

#include <bit>
#include <cstdint>

namespace pare::backends {

enum class WeightFormat {
  kInt4Symmetric,   // Levels -8 to 7, a signed scale, so that the greatest magnitude is exactly level -8.
  kInt4Asymmetric,  // Levels 0 to 15 and a zero point.
  kNf4,             // 4-bit NormalFloat (Dettmers et al. 2023, arXiv:2305.14314, appendix E).
  kFp8E4M3,         // OCP 8-bit floating point, E4M3: 448 is the greatest (arXiv:2209.05433).
  kMxfp4,  // OCP Microscaling: E2M1 elements, 6 is the greatest, and a power of two as scale (arXiv:2310.10537).
};

// A matrix, its rows cut into groups of group_size columns; the last group of a row may be shorter.
struct GroupedLayout {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t group_size = 1;  // >= 1; 32 for MXFP4 by its standard, often 32, 64 or 128 for int4.

  int64_t groups() const { return (columns + group_size - 1) / group_size; }  // Of a row.
  int64_t size() const { return rows * columns; }
};

constexpr int bits_per_code(WeightFormat format) { return format == WeightFormat::kFp8E4M3 ? 8 : 4; }

// Codes of 4 bits lie two in a byte, the even column in the lower half; a row of an odd number ends with four zero
// bits.
constexpr int64_t row_bytes(WeightFormat format, const GroupedLayout& layout) {
  return bits_per_code(format) == 8 ? layout.columns : (layout.columns + 1) / 2;
}

// NF4's levels, ascending; code k is kNf4Levels[k].
inline constexpr float kNf4Levels[16] = {-1.0f,
                                         -0.6961928009986877f,
                                         -0.5250730514526367f,
                                         -0.39491748809814453f,
                                         -0.28444138169288635f,
                                         -0.18477343022823334f,
                                         -0.09105003625154495f,
                                         0.0f,
                                         0.07958029955625534f,
                                         0.16093020141124725f,
                                         0.24611230194568634f,
                                         0.33791524171829224f,
                                         0.44070982933044434f,
                                         0.5626170039176941f,
                                         0.7229568362236023f,
                                         1.0f};

// Halfway between level k and k + 1, in float: what is above it takes level k + 1.
constexpr float nf4_boundary(int k) { return 0.5f * (kNf4Levels[k] + kNf4Levels[k + 1]); }

// A group whose greatest magnitude is below counts as zeros, one with a magnitude above cannot be stored.
inline constexpr float kLeastGroupMagnitude = 0x1p-100f, kGreatestGroupMagnitude = 0x1p120f;

// 1 / x for a normal x of at most 2^125 in magnitude, exact for powers of two and else off by at most 1.25 units in the
// last place, by additions and multiplications alone, so that it is the same on devices that do not divide exactly:
// Newton's iteration, from a first guess off by less than 12.5% that comes of turning the exponent around.
constexpr float reciprocal(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x), sign = bits & 0x80000000;
  const float magnitude = std::bit_cast<float>(bits ^ sign);
  float guess = std::bit_cast<float>(0x7EF311C3 - (bits ^ sign));
  for (int i = 0; i < 3; ++i) guess = guess + guess * (1.0f - magnitude * guess);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(guess) | sign);
}

}  // namespace pare::backends

#endif  // PARE_BACKENDS_WEIGHT_FORMAT_H_
