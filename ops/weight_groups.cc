#include "ops/weight_groups.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using backends::BFloat16;
using backends::GroupedLayout;
using backends::Half;
using backends::WeightFormat;

bool is_kernel_type(at::ScalarType type) { return type == at::kFloat || type == at::kHalf || type == at::kBFloat16; }

// Calls visit(T()), T being the kernels' type for numbers of this one.
template <typename Visit>
void with_kernel_type(at::ScalarType type, const Visit& visit) {
  if (type == at::kHalf) {
    visit(Half());
  } else if (type == at::kBFloat16) {
    visit(BFloat16());
  } else {
    visit(float());
  }
}

uint8_t* bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<uint8_t*>(tensor.data_ptr()) : nullptr;
}

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
  const at::Tensor checked = is_kernel_type(weight.scalar_type()) && weight.device().is_cpu()
                                 ? weight.detach()
                                 : dense_float32(kName, weight.detach());
  const at::Tensor numbers = checked.contiguous();
  const GroupedLayout layout{numbers.size(0), numbers.size(1), group_size};
  CompressedWeight result{.format = format, .group_size = group_size, .columns = layout.columns};
  result.codes = at::empty({layout.rows, backends::row_bytes(format, layout)}, at::kByte);
  result.scales = at::empty({layout.rows, layout.groups()}, at::kFloat);
  if (format == WeightFormat::kInt4Asymmetric) {
    result.zero_points = at::empty({layout.rows, layout.groups()}, at::kByte);
  }
  const at::Tensor errors = at::empty({layout.rows, layout.groups()}, at::kFloat);
  with_kernel_type(numbers.scalar_type(), [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kQuantizeGroups<T>)(
        torch_execution(), layout, format, static_cast<const T*>(numbers.data_ptr()), bytes_of(result.codes),
        mutable_data_of(result.scales), bytes_of(result.zero_points), mutable_data_of(errors)));
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
  with_kernel_type(dtype, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kDequantizeGroups<T>)(torch_execution(), layout, compressed.format,
                                                               bytes_of(codes), data_of(scales), bytes_of(zero_points),
                                                               static_cast<T*>(result.data_ptr())));
  });
  return result;
}

}  // namespace pare::ops
