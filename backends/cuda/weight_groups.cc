#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status quantize_groups(const Execution&, const GroupedLayout& layout, WeightFormat format, const T* x,
                             uint8_t* codes, float* scales, uint8_t* zero_points, float* squared_error) {
  Call call;
  const int64_t groups = layout.rows * layout.groups();
  x = call.input(x, layout.size());
  codes = call.output(codes, layout.rows * row_bytes(format, layout));
  scales = call.output(scales, groups);
  zero_points = call.output(zero_points, groups);
  squared_error = call.output(squared_error, groups);
  const int groups_at_once = layout.group_size % 2 != 0 && bits_per_code(format) == 4 ? 2 : 1;
  constexpr uint64_t kWarp = 32;
  const uint64_t units = layout.rows * ((layout.groups() + groups_at_once - 1) / groups_at_once);
  call.launch<T>(sources::weight_groups, "quantize_groups", call.blocks_for(units * kWarp), kMaxThreads, x, layout,
                 format, groups_at_once, codes, scales, zero_points, squared_error);
  return call.finish();
}

template <typename T>
absl::Status dequantize_groups(const Execution&, const GroupedLayout& layout, WeightFormat format, const uint8_t* codes,
                               const float* scales, const uint8_t* zero_points, T* y) {
  Call call;
  const int64_t groups = layout.rows * layout.groups();
  codes = call.input(codes, layout.rows * row_bytes(format, layout));
  scales = call.input(scales, groups);
  zero_points = call.input(zero_points, groups);
  y = call.output(y, layout.size());
  const int64_t pairs = (layout.columns + 1) / 2;
  call.launch<T>(sources::weight_groups, "dequantize_groups", call.blocks_for(layout.rows * pairs), kMaxThreads, codes,
                 layout, divider(pairs, layout.rows * pairs), divider(layout.group_size, layout.columns), format,
                 scales, zero_points, y);
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                       \
  template absl::Status quantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const T*, uint8_t*, \
                                        float*, uint8_t*, float*);                                                \
  template absl::Status dequantize_groups(const Execution&, const GroupedLayout&, WeightFormat, const uint8_t*,   \
                                          const float*, const uint8_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
