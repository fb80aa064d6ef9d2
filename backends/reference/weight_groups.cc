#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "backends/reference/kernels.h"

namespace pare::backends::reference {
namespace {

// A small floating-point format: a sign, an exponent and a mantissa, codes above `greatest` being NaN.
class SmallFloat {
 public:
  SmallFloat(int exponent_bits, int mantissa_bits, int greatest)
      : sign_bit_(1 << (exponent_bits + mantissa_bits)), magnitudes_(greatest + 1) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    for (int code = 0; code <= greatest; ++code) {
      const int mantissa = code % (1 << mantissa_bits), exponent = code >> mantissa_bits;
      magnitudes_[code] = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits)
                                        : std::ldexp(static_cast<float>((1 << mantissa_bits) + mantissa),
                                                     exponent - bias - mantissa_bits);
    }
  }

  float value(int code) const {
    const size_t magnitude = code % sign_bit_;
    if (magnitude >= magnitudes_.size()) return std::numeric_limits<float>::quiet_NaN();
    return code < sign_bit_ ? magnitudes_[magnitude] : -magnitudes_[magnitude];
  }

  // The code nearest to x, of two equally near ones the even one; the greatest for all beyond it.
  int nearest(float x) const {
    const float magnitude = std::fabs(x);
    // The first code that is greater.
    auto code =
        static_cast<int>(std::upper_bound(magnitudes_.begin(), magnitudes_.end(), magnitude) - magnitudes_.begin());
    if (code == static_cast<int>(magnitudes_.size())) {
      --code;
    } else {
      const double below = double{magnitude} - magnitudes_[code - 1], above = double{magnitudes_[code]} - magnitude;
      if (below < above || (below == above && code % 2 != 0)) --code;
    }
    return std::signbit(x) ? code + sign_bit_ : code;
  }

 private:
  int sign_bit_;
  std::vector<float> magnitudes_;  // Of the codes without a sign.
};

const SmallFloat& e4m3() {
  static const SmallFloat format(4, 3, 126);
  return format;
}

const SmallFloat& e2m1() {
  static const SmallFloat format(2, 1, 7);
  return format;
}

float clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

struct Group {
  float scale = 0, inverse = 0, zero_point = 0;  // An inverse of 0 stands for a group whose codes are those of 0.
};

template <typename T>
Group group_of(WeightFormat format, const T* x, int64_t count) {
  float low = 0, high = 0;
  bool has_nan = false;
  for (int64_t i = 0; i < count; ++i) {
    const float number = to_float(x[i]);
    has_nan |= std::isnan(number);
    low = std::min(low, number);
    high = std::max(high, number);
  }
  const float magnitude = std::max(-low, high);
  if (has_nan || magnitude > kGreatestGroupMagnitude) return {.scale = std::numeric_limits<float>::quiet_NaN()};
  if (magnitude < kLeastGroupMagnitude) return {};
  Group group;
  switch (format) {
    case WeightFormat::kInt4Symmetric:
      group.scale = (-low >= high ? -low : -high) * 0.125f;
      break;
    case WeightFormat::kInt4Asymmetric:
      group.scale = (high - low) * (1.0f / 15.0f);
      break;
    case WeightFormat::kNf4:
      group.scale = magnitude;
      break;
    case WeightFormat::kFp8E4M3:
      group.scale = magnitude * (1.0f / 448.0f);
      break;
    case WeightFormat::kMxfp4:
      group.scale = std::ldexp(1.0f, std::ilogb(magnitude) - 2);
      break;
  }
  group.inverse = reciprocal(group.scale);
  if (format == WeightFormat::kInt4Asymmetric) {
    group.zero_point = clamp(std::nearbyint(-low * group.inverse), 0.0f, 15.0f);
  }
  return group;
}

int code_of(WeightFormat format, const Group& group, float x) {
  const float scaled = group.inverse == 0 ? 0.0f : x * group.inverse;
  switch (format) {
    case WeightFormat::kInt4Symmetric:
      return static_cast<int>(clamp(std::nearbyint(scaled), -8.0f, 7.0f)) & 15;
    case WeightFormat::kInt4Asymmetric:
      return static_cast<int>(clamp(std::nearbyint(scaled) + group.zero_point, 0.0f, 15.0f));
    case WeightFormat::kNf4: {
      int code = 0;
      for (int k = 0; k < 15; ++k) code += nf4_boundary(k) < scaled;
      return code;
    }
    case WeightFormat::kFp8E4M3:
      return e4m3().nearest(clamp(scaled, -448.0f, 448.0f));
    case WeightFormat::kMxfp4:
      return e2m1().nearest(clamp(scaled, -6.0f, 6.0f));
  }
  return 0;
}

// The number that a code stands for, before the scale.
float value_of(WeightFormat format, int code, int zero_point) {
  switch (format) {
    case WeightFormat::kInt4Symmetric:
      return static_cast<float>(code < 8 ? code : code - 16);
    case WeightFormat::kInt4Asymmetric:
      return static_cast<float>(code - zero_point);
    case WeightFormat::kNf4:
      return kNf4Levels[code];
    case WeightFormat::kFp8E4M3:
      return e4m3().value(code);
    case WeightFormat::kMxfp4:
      return e2m1().value(code);
  }
  return 0;
}

void put_code(WeightFormat format, int code, int64_t column, uint8_t* row) {
  if (bits_per_code(format) == 8) {
    row[column] = static_cast<uint8_t>(code);
  } else if (column % 2 == 0) {
    row[column / 2] = static_cast<uint8_t>(code);
  } else {
    row[column / 2] |= static_cast<uint8_t>(code << 4);
  }
}

int code_at(WeightFormat format, int64_t column, const uint8_t* row) {
  if (bits_per_code(format) == 8) return row[column];
  return column % 2 == 0 ? row[column / 2] & 15 : row[column / 2] >> 4;
}

// Calls visit(row, first column, end, index) for every group.
template <typename Visit>
void for_each_group(const GroupedLayout& layout, const Visit& visit) {
  for (int64_t row = 0; row < layout.rows; ++row) {
    for (int64_t group = 0; group < layout.groups(); ++group) {
      const int64_t first = group * layout.group_size;
      visit(row, first, std::min(layout.columns, first + layout.group_size), row * layout.groups() + group);
    }
  }
}

}  // namespace

template <typename T>
absl::Status quantize_groups(const Execution&, const GroupedLayout& layout, WeightFormat format, const T* x,
                             uint8_t* codes, float* scales, uint8_t* zero_points, float* squared_error) {
  for_each_group(layout, [&](int64_t row, int64_t first, int64_t end, int64_t index) {
    const T* const numbers = x + row * layout.columns;
    const Group group = group_of(format, numbers + first, end - first);
    const auto zero_point = static_cast<int>(group.zero_point);
    double error = 0;
    for (int64_t column = first; column < end; ++column) {
      const float number = to_float(numbers[column]);
      const int code = code_of(format, group, number);
      put_code(format, code, column, codes + row * row_bytes(format, layout));
      const float difference = group.scale * value_of(format, code, zero_point) - number;
      const float square = difference * difference;
      error += square;
    }
    scales[index] = group.scale;
    if (zero_points != nullptr) zero_points[index] = static_cast<uint8_t>(zero_point);
    if (squared_error != nullptr) squared_error[index] = static_cast<float>(error);
  });
  return absl::OkStatus();
}

template <typename T>
absl::Status dequantize_groups(const Execution&, const GroupedLayout& layout, WeightFormat format, const uint8_t* codes,
                               const float* scales, const uint8_t* zero_points, T* y) {
  for_each_group(layout, [&](int64_t row, int64_t first, int64_t end, int64_t index) {
    const int zero_point = zero_points == nullptr ? 0 : zero_points[index];
    for (int64_t column = first; column < end; ++column) {
      const int code = code_at(format, column, codes + row * row_bytes(format, layout));
      y[row * layout.columns + column] = from_float<T>(scales[index] * value_of(format, code, zero_point));
    }
  });
  return absl::OkStatus();
}

#define PARE_INSTANTIATE(T)                                                                                       \
  template absl::Status quantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const T*, uint8_t*, \
                                        float*, uint8_t*, float*);                                                \
  template absl::Status dequantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const uint8_t*,   \
                                          const float*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::reference
