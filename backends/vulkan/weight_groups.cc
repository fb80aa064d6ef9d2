#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/weight_group_shaders.h"

namespace pare::backends::vulkan {
namespace {

// Buffers are bound from multiples of it on, in elements of any size.
constexpr int64_t kAlignment = 1024;

// The same as GroupedPiece of weight_formats.glsl.
struct GroupedPiece {
  uint32_t count, first, units_of_row;
  FastDivisor units_divisor;
  uint32_t columns, row_bytes, groups_of_row, group_size;
  FastDivisor group_divisor;
  uint32_t elements, bytes, groups;
};

// A part of what a buffer holds, that begins where it can be bound.
struct Window {
  int64_t begin, end;
  Buffer of(const Buffer& buffer, int64_t item_bytes) const {
    return buffer.range(begin * item_bytes, (end - begin) * item_bytes);
  }
};

// A piece of the matrix, and what it reaches of elements, codes and groups.
struct Part {
  int64_t first_unit;
  GroupedPiece constants;
  Window elements, bytes, groups;
  // What is written is cut at the units: the piece's part of a buffer with an item of that many bytes a unit.
  Buffer of_units(const Buffer& buffer, int64_t item_bytes) const {
    return buffer.range(first_unit * item_bytes, constants.count * item_bytes);
  }
};

enum class Unit { kGroup, kByte, kElement };

// With groups no longer than a row, which are the same.
GroupedLayout shortened(const GroupedLayout& layout) {
  return {layout.rows, layout.columns, std::max<int64_t>(1, std::min(layout.group_size, layout.columns))};
}

// Whether so many elements that a shader takes together are of one group, and begin at a multiple of their number.
bool is_aligned(const GroupedLayout& layout, int64_t elements = 4) {
  return layout.columns % elements == 0 && layout.group_size % elements == 0;
}

// What an invocation of groups_at_once.comp holds.
constexpr int64_t kNumbersHeld = 32;

// How many invocations hold a group together; 0 if they cannot.
uint32_t lanes_of_group(const DevicePlan& plan, const GroupedLayout& layout) {
  const int64_t lanes = layout.group_size / kNumbersHeld;
  const bool whole = layout.group_size % kNumbersHeld == 0 && layout.columns % layout.group_size == 0;
  const int64_t most = plan.subgroups ? plan.subgroup_size : 1;
  return whole && lanes <= most && std::has_single_bit(static_cast<uint64_t>(lanes)) ? lanes : 0;
}

// Calls body for pieces of so many units that no buffer is too large to be bound.
void for_each_part(Call& call, const GroupedLayout& layout, WeightFormat format, Unit unit,
                   absl::FunctionRef<void(const Part&)> body) {
  if (!call.ok() || layout.size() == 0) return;
  const int64_t codes_of_byte = 8 / bits_per_code(format), bytes_of_row = row_bytes(format, layout);
  const int64_t columns_of_unit = unit == Unit::kGroup ? layout.group_size : unit == Unit::kByte ? codes_of_byte : 1;
  const int64_t units_of_row = unit == Unit::kGroup  ? layout.groups()
                               : unit == Unit::kByte ? bytes_of_row
                                                     : layout.columns;
  const int64_t units = layout.rows * units_of_row;
  const int64_t most = std::min<int64_t>(call.plan().buffer_range / sizeof(float), kMaxIndex);
  int64_t step = units;
  if (layout.size() > most) {
    // What is written a group is a word, bound from an earlier one on.
    const int64_t alignment = unit == Unit::kGroup ? 1 : kAlignment;
    step = (most - kAlignment) / columns_of_unit / alignment * alignment;
  }
  if (step <= 0 || layout.columns > kMaxIndex) {
    return call.fail(absl::UnimplementedError(
        absl::StrCat("weights in groups of ", layout.group_size, ", with ", layout.columns,
                     " columns, are more than the Vulkan device binds at once (", call.plan().buffer_range,
                     " bytes); quantize them with another backend")));
  }
  for (int64_t first = 0; first < units; first += step) {
    const int64_t count = std::min(step, units - first), last = first + count - 1;
    const int64_t row = first / units_of_row, last_row = last / units_of_row;
    const int64_t column = first % units_of_row * columns_of_unit;
    const int64_t end_column = std::min((last % units_of_row + 1) * columns_of_unit, layout.columns);
    // From the first column's item to behind the last one's, of a buffer with so many items a row.
    const auto window = [&](int64_t items_of_row, int64_t columns_of_item) {
      return Window{(row * items_of_row + column / columns_of_item) / kAlignment * kAlignment,
                    last_row * items_of_row + (end_column - 1) / columns_of_item + 1};
    };
    Part part{first,
              {},
              window(layout.columns, 1),
              window(bytes_of_row, codes_of_byte),
              window(layout.groups(), layout.group_size)};
    part.constants = {
        .count = static_cast<uint32_t>(count),
        .first = static_cast<uint32_t>(first % units_of_row),
        .units_of_row = static_cast<uint32_t>(units_of_row),
        .units_divisor = fast_divisor(units_of_row),
        .columns = static_cast<uint32_t>(layout.columns),
        .row_bytes = static_cast<uint32_t>(bytes_of_row),
        .groups_of_row = static_cast<uint32_t>(layout.groups()),
        .group_size = static_cast<uint32_t>(layout.group_size),
        .group_divisor = fast_divisor(layout.group_size),
        .elements = static_cast<uint32_t>(row * layout.columns - part.elements.begin),
        .bytes = static_cast<uint32_t>(row * bytes_of_row - part.bytes.begin),
        .groups = static_cast<uint32_t>(row * layout.groups() - part.groups.begin),
    };
    body(part);
  }
}

}  // namespace

template <typename T>
absl::Status quantize_groups(const Execution&, const GroupedLayout& wanted, WeightFormat format, const T* x,
                             uint8_t* codes, float* scales, uint8_t* zero_points, float* squared_error) {
  const Shader& scale_shader =
      variant<T>(shaders::group_scales_f32, shaders::group_scales_f16, shaders::group_scales_bf16);
  const Shader& code_shader = variant<T>(shaders::group_codes_f32, shaders::group_codes_f16, shaders::group_codes_bf16);
  const Shader& single_shader =
      variant<T>(shaders::groups_at_once_f32, shaders::groups_at_once_f16, shaders::groups_at_once_bf16);
  const Shader& subgroup_shader =
      variant<T>(shaders::groups_at_once_f32_subgroups, shaders::groups_at_once_f16_subgroups,
                 shaders::groups_at_once_bf16_subgroups);
  const GroupedLayout layout = shortened(wanted);
  const int64_t groups = layout.rows * layout.groups();
  const bool has_zero_points = format == WeightFormat::kInt4Asymmetric && groups > 0;
  const auto format_constant = static_cast<uint32_t>(format);
  Call call({x, codes, scales, zero_points, squared_error});
  const Buffer in = call.input(x, layout.size()), code = call.output(codes, layout.rows * row_bytes(format, layout));
  const Buffer scale = call.output(scales, groups), zero_point = call.output(zero_points, has_zero_points ? groups : 0);
  const Buffer error = call.output(squared_error, squared_error == nullptr ? 0 : groups);
  // The zero points as words, of which the codes are made; bytes of one word are of four groups. In place of what is
  // not there, a buffer that is bound the same way already: it brings no hazard of its own.
  const Buffer words = has_zero_points ? call.scratch(groups * sizeof(uint32_t)) : scale;

  const uint32_t lanes = lanes_of_group(call.plan(), layout);
  for_each_part(call, layout, format, Unit::kGroup, [&](const Part& part) {
    const Buffer numbers = part.elements.of(in, sizeof(T)), scales_of_part = part.groups.of(scale, sizeof(float));
    const Buffer words_of_part = part.groups.of(words, sizeof(uint32_t));
    const Buffer errors_of_part = part.groups.of(squared_error != nullptr ? error : scale, sizeof(float));
    if (lanes == 0) {
      call.dispatch(scale_shader, {numbers, scales_of_part, words_of_part, errors_of_part}, part.constants,
                    {format_constant, is_aligned(layout), squared_error != nullptr}, part.constants.count);
    } else {
      call.dispatch(lanes > 1 ? subgroup_shader : single_shader,
                    {numbers, scales_of_part, words_of_part, errors_of_part, part.bytes.of(code, 1)}, part.constants,
                    {format_constant, true, squared_error != nullptr, lanes}, uint64_t{lanes} * part.constants.count);
    }
  });
  if (lanes == 0)
    for_each_part(call, layout, format, Unit::kByte, [&](const Part& part) {
      call.dispatch(code_shader,
                    {part.elements.of(in, sizeof(T)), part.groups.of(scale, sizeof(float)).read_only(),
                     part.groups.of(words, sizeof(uint32_t)).read_only(), part.of_units(code, 1)},
                    part.constants, {format_constant, is_aligned(layout)}, (part.constants.count + 3) / 4);
    });
  if (has_zero_points) {
    for_each_piece(call, Layout::per_tensor(groups), sizeof(uint32_t), [&](const Piece& piece) {
      call.dispatch(shaders::pack_bytes, {piece.of(words, sizeof(uint32_t)).read_only(), piece.of(zero_point, 1)},
                    piece.constants.count, {}, piece.invocations);
    });
  }
  return call.finish();
}

template <typename T>
absl::Status dequantize_groups(const Execution&, const GroupedLayout& wanted, WeightFormat format, const uint8_t* codes,
                               const float* scales, const uint8_t* zero_points, T* y) {
  const Shader& shader =
      variant<T>(shaders::dequantize_groups_f32, shaders::dequantize_groups_f16, shaders::dequantize_groups_bf16);
  const GroupedLayout layout = shortened(wanted);
  const int64_t groups = layout.rows * layout.groups();
  Call call({codes, scales, zero_points, y});
  const Buffer in = call.input(codes, layout.rows * row_bytes(format, layout)), scale = call.input(scales, groups);
  const bool has_zero_points = format == WeightFormat::kInt4Asymmetric;
  const Buffer zero_point = has_zero_points ? call.input(zero_points, groups) : scale;
  const Buffer out = call.output(y, layout.size());
  const bool eights = is_aligned(layout, 8);
  for_each_part(call, layout, format, Unit::kElement, [&](const Part& part) {
    call.dispatch(shader,
                  {part.bytes.of(in, 1), part.groups.of(scale, sizeof(float)), part.groups.of(zero_point, 1),
                   part.of_units(out, sizeof(T))},
                  part.constants, {static_cast<uint32_t>(format), is_aligned(layout), eights},
                  eights ? part.constants.count / 8 : (part.constants.count + 3) / 4);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                       \
  template absl::Status quantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const T*, uint8_t*, \
                                        float*, uint8_t*, float*);                                                \
  template absl::Status dequantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const uint8_t*,   \
                                          const float*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
