#include "ops/weight_groups.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using backends::GroupedLayout;
using backends::WeightFormat;

void check_part(const char* name, const at::Tensor& part, at::ScalarType type, int64_t rows, int64_t columns) {
  TORCH_CHECK(part.defined() && part.scalar_type() == type && part.device().is_cpu() && part.dim() == 2 &&
                  part.size(0) == rows && part.size(1) == columns,
              "decompress_weight: ", name, " are expected as ", type, " of [", rows, ", ", columns,
              "] on the CPU, but they are ", part.toString(), " of ",
              part.defined() ? part.sizes() : at::IntArrayRef());
}

}  // namespace

CompressedWeight compress_weight(const at::Tensor& weight, WeightFormat format, int64_t group_size) {
  constexpr char kName[] = "compress_weight";
  TORCH_CHECK(weight.defined() && weight.dim() == 2, kName, ": a weight of [rows, columns] is expected, but it has ",
              weight.defined() ? weight.dim() : 0, " dimensions: reshape it");
  TORCH_CHECK(group_size >= 1, kName, ": a group has one number or more, but group_size is ", group_size);
  const at::Tensor numbers = dense_numbers(kName, weight.detach()).contiguous();
  const GroupedLayout layout{numbers.size(0), numbers.size(1), group_size};
  CompressedWeight result{.format = format, .group_size = group_size, .columns = layout.columns};
  result.codes = at::empty({layout.rows, backends::row_bytes(format, layout)}, at::kByte);
  result.scales = at::empty({layout.rows, layout.groups()}, at::kFloat);
  if (format == WeightFormat::kInt4Asymmetric) {
    result.zero_points = at::empty({layout.rows, layout.groups()}, at::kByte);
  }
  const at::Tensor errors = at::empty({layout.rows, layout.groups()}, at::kFloat);
  with_kernel_type(numbers, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kQuantizeGroups<T>)(
        torch_execution(), layout, format, data_of<T>(numbers), mutable_data_of<uint8_t>(result.codes),
        mutable_data_of(result.scales), mutable_data_of<uint8_t>(result.zero_points), mutable_data_of(errors)));
  });
  double sum = 0;
  for (int64_t i = 0; i < errors.numel(); ++i) {
    TORCH_CHECK(!std::isnan(data_of(result.scales)[i]), kName, ": row ", i / layout.groups(), ", columns from ",
                i % layout.groups() * group_size, " on hold a NaN, an infinity or a magnitude above ",
                backends::kGreatestGroupMagnitude, ", which have no code");
    sum += data_of(errors)[i];
  }
  if (layout.size() > 0) result.mean_squared_error = sum / static_cast<double>(layout.size());
  return result;
}

at::Tensor decompress_weight(const CompressedWeight& compressed, at::ScalarType dtype) {
  constexpr char kName[] = "decompress_weight";
  TORCH_CHECK(is_kernel_type(dtype), kName, ": float32, float16 and bfloat16 are there, but not ", dtype);
  TORCH_CHECK(compressed.group_size >= 1 && compressed.columns >= 0 && compressed.codes.defined() &&
                  compressed.codes.dim() == 2,
              kName, ": codes of two dimensions and groups of one number or more are expected");
  const GroupedLayout layout{compressed.codes.size(0), compressed.columns, compressed.group_size};
  const bool has_zero_points = compressed.format == WeightFormat::kInt4Asymmetric;
  check_part("codes", compressed.codes, at::kByte, layout.rows, backends::row_bytes(compressed.format, layout));
  check_part("scales", compressed.scales, at::kFloat, layout.rows, layout.groups());
  if (has_zero_points) check_part("zero points", compressed.zero_points, at::kByte, layout.rows, layout.groups());
  const at::Tensor codes = compressed.codes.contiguous(), scales = compressed.scales.contiguous(),
                   zero_points = has_zero_points ? compressed.zero_points.contiguous() : at::Tensor();
  const at::Tensor result = at::empty({layout.rows, layout.columns}, dtype);
  with_kernel_type(result, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kDequantizeGroups<T>)(
        torch_execution(), layout, compressed.format, data_of<uint8_t>(codes), data_of(scales),
        data_of<uint8_t>(zero_points), mutable_data_of<T>(result)));
  });
  return result;
}

}  // namespace pare::ops
