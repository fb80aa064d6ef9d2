#include "backends/cuda/kernels/weight_formats.cuh"

namespace pare::backends::cuda {

constexpr int kWarp = 32;

PARE_DEVICE double warp_sum(double x) {
#pragma unroll
  for (int lane = 1; lane < kWarp; lane *= 2) x += __shfl_xor_sync(0xFFFFFFFF, x, lane);
  return x;
}

struct GroupRange {
  uint64_t first, end;  // of the matrix's elements
};

// One group's scale, by a warp.
PARE_DEVICE GroupScale scale_of_group(WeightFormat format, const Element* x, GroupRange range, uint32_t lane) {
  float low = 0, high = 0;
  for (uint64_t i = range.first + lane; i < range.end; i += kWarp) {
    const float number = number_of(x[i]);
    low = number < low ? number : low;
    // A NaN makes the group's scale NaN, as an infinity does.
    high = is_nan(number) ? kInfinity : number > high ? number : high;
  }
#pragma unroll
  for (int other = 1; other < kWarp; other *= 2) {
    const float lower = __shfl_xor_sync(0xFFFFFFFF, low, other), higher = __shfl_xor_sync(0xFFFFFFFF, high, other);
    low = lower < low ? lower : low;
    high = higher > high ? higher : high;
  }
  return GroupScale::of(format, low, high);
}

// A warp takes one group, or where groups are odd in size and codes share bytes, two side by side.
PARE_KERNEL(quantize_groups, const Element* x, GroupedLayout layout, WeightFormat format, int groups_at_once,
            uint8_t* codes, float* scales, uint8_t* zero_points, float* squared_error) {
  const uint64_t groups = (layout.columns + layout.group_size - 1) / layout.group_size;
  const uint64_t units = (groups + groups_at_once - 1) / groups_at_once;
  const bool is_byte = format == WeightFormat::kFp8E4M3;
  const uint64_t row_of_codes = is_byte ? layout.columns : (layout.columns + 1) / 2;
  const uint32_t lane = threadIdx.x % kWarp;
  for (uint64_t unit = first_index() / kWarp; unit < layout.rows * units; unit += all_threads() / kWarp) {
    const uint64_t row = unit / units, first_group = (unit - row * units) * groups_at_once;
    const uint64_t row_start = row * layout.columns;
    const auto range_of = [&](uint64_t group) {
      const uint64_t begin = group * layout.group_size, end = begin + layout.group_size;
      return GroupRange{begin, end < layout.columns ? end : layout.columns};
    };
    // The second of one group is the first again.
    const bool has_second = groups_at_once == 2 && first_group + 1 < groups;
    const GroupRange first = range_of(first_group), second = has_second ? range_of(first_group + 1) : first;
    const GroupScale scale = scale_of_group(format, x, {row_start + first.first, row_start + first.end}, lane);
    const GroupScale next =
        has_second ? scale_of_group(format, x, {row_start + second.first, row_start + second.end}, lane) : scale;
    double error = 0, next_error = 0;
    const auto code_at = [&](uint64_t column) {
      const bool is_next = column >= first.end;
      const GroupScale group = is_next ? next : scale;
      const float number = number_of(x[row_start + column]);
      const int code = group.code(format, number);
      const float difference = group.scale * value_of(format, code, static_cast<int>(group.zero_point)) - number;
      const float square = difference * difference;
      if (is_next) {
        next_error += square;
      } else {
        error += square;
      }
      return code;
    };
    uint8_t* const row_codes = codes + row * row_of_codes;
    if (is_byte) {
      for (uint64_t column = first.first + lane; column < second.end; column += kWarp) {
        row_codes[column] = static_cast<uint8_t>(code_at(column));
      }
    } else {
      for (uint64_t column = first.first + 2 * lane; column < second.end; column += 2 * kWarp) {
        const int low = code_at(column), high = column + 1 < second.end ? code_at(column + 1) : 0;
        row_codes[column / 2] = static_cast<uint8_t>(low | high << 4);
      }
    }
    if (squared_error != nullptr) {
      error = warp_sum(error);
      if (has_second) next_error = warp_sum(next_error);
    }
    if (lane == 0) {
      const uint64_t index = row * groups + first_group;
      scales[index] = scale.scale;
      if (zero_points != nullptr) zero_points[index] = static_cast<uint8_t>(scale.zero_point);
      if (squared_error != nullptr) squared_error[index] = static_cast<float>(error);
      if (has_second) {
        scales[index + 1] = next.scale;
        if (zero_points != nullptr) zero_points[index + 1] = static_cast<uint8_t>(next.zero_point);
        if (squared_error != nullptr) squared_error[index + 1] = static_cast<float>(next_error);
      }
    }
  }
}

// A thread two columns side by side. pairs: of a row; group: columns of one.
PARE_KERNEL(dequantize_groups, const uint8_t* codes, GroupedLayout layout, Divider pairs, Divider group,
            WeightFormat format, const float* scales, const uint8_t* zero_points, Element* y) {
  const uint64_t groups = (layout.columns + layout.group_size - 1) / layout.group_size;
  const bool is_byte = format == WeightFormat::kFp8E4M3;
  for (uint64_t i = first_index(); i < layout.rows * pairs.divisor; i += all_threads()) {
    const uint64_t row = quotient(i, pairs), pair = i - row * pairs.divisor;
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      const uint64_t column = 2 * pair + k;
      if (column >= layout.columns) break;
      const int code =
          is_byte ? codes[row * layout.columns + column] : codes[row * pairs.divisor + pair] >> (4 * k) & 15;
      const uint64_t index = row * groups + quotient(column, group);
      const int zero_point = zero_points == nullptr ? 0 : zero_points[index];
      y[row * layout.columns + column] = element_of<Element>(scales[index] * value_of(format, code, zero_point));
    }
  }
}

}  // namespace pare::backends::cuda
