#include "ops/weight_groups.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using backends::GroupedLayout;
using backends::WeightFormat;

void check_part(const char* name, const at::Tensor& part, at::Device device, at::ScalarType type, int64_t rows,
                int64_t columns) {
  TORCH_CHECK(part.defined() && part.scalar_type() == type && part.device() == device && part.dim() == 2 &&
                  part.size(0) == rows && part.size(1) == columns,
              "decompress_weight: ", name, " are expected as ", type, " of [", rows, ", ", columns, "] on ", device,
              ", but they are ", part.toString(), " of ", part.defined() ? part.sizes() : at::IntArrayRef(), " on ",
              part.defined() ? part.device() : at::Device(at::kCPU));
}

}  // namespace

CompressedWeight compress_weight(const at::Tensor& weight, WeightFormat format, int64_t group_size) {
  constexpr char kName[] = "compress_weight";
  TORCH_CHECK(weight.defined() && weight.dim() == 2, kName, ": a weight of [rows, columns] is expected, but it has ",
              weight.defined() ? weight.dim() : 0, " dimensions: reshape it");
  TORCH_CHECK(group_size >= 1, kName, ": a group has one number or more, but group_size is ", group_size);
  const at::Tensor numbers = dense_numbers(kName, weight.detach()).contiguous();
  const GroupedLayout layout{numbers.size(0), numbers.size(1), group_size};
  const at::TensorOptions bytes = numbers.options().dtype(at::kByte);
  CompressedWeight result{.format = format, .group_size = group_size, .columns = layout.columns};
  result.codes = at::empty({layout.rows, backends::row_bytes(format, layout)}, bytes);
  result.scales = empty_float32({layout.rows, layout.groups()}, numbers.device());
  if (format == WeightFormat::kInt4Asymmetric) {
    result.zero_points = at::empty({layout.rows, layout.groups()}, bytes);
  }
  const at::Tensor errors = empty_float32({layout.rows, layout.groups()}, numbers.device());
  with_kernel_type(numbers, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kQuantizeGroups<T>, numbers.device())(
        torch_execution(), layout, format, data_of<T>(numbers), mutable_data_of<uint8_t>(result.codes),
        mutable_data_of(result.scales), mutable_data_of<uint8_t>(result.zero_points), mutable_data_of(errors)));
  });
  const at::Tensor host_errors = errors.cpu(), host_scales = result.scales.cpu();
  double sum = 0;
  for (int64_t i = 0; i < host_errors.numel(); ++i) {
    TORCH_CHECK(!std::isnan(data_of(host_scales)[i]), kName, ": row ", i / layout.groups(), ", columns from ",
                i % layout.groups() * group_size, " on hold a NaN, an infinity or a magnitude above ",
                backends::kGreatestGroupMagnitude, ", which have no code");
    sum += data_of(host_errors)[i];
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
  const at::Device device = compressed.codes.device();
  TORCH_CHECK(device.is_cpu() || device.is_cuda(), kName,
              ": codes are expected on the CPU or on CUDA, but they are on ", device);
  check_part("codes", compressed.codes, device, at::kByte, layout.rows, backends::row_bytes(compressed.format, layout));
  check_part("scales", compressed.scales, device, at::kFloat, layout.rows, layout.groups());
  if (has_zero_points) {
    check_part("zero points", compressed.zero_points, device, at::kByte, layout.rows, layout.groups());
  }
  const at::Tensor codes = compressed.codes.contiguous(), scales = compressed.scales.contiguous(),
                   zero_points = has_zero_points ? compressed.zero_points.contiguous() : at::Tensor();
  const at::Tensor result = at::empty({layout.rows, layout.columns}, codes.options().dtype(dtype));
  with_kernel_type(result, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kDequantizeGroups<T>, result.device())(
        torch_execution(), layout, compressed.format, data_of<uint8_t>(codes), data_of(scales),
        data_of<uint8_t>(zero_points), mutable_data_of<T>(result)));
  });
  return result;
}

}  // namespace pare::ops
