#include "backends/cuda/call.h"
#include "backends/cuda/kernel_arguments.h"
#include "backends/cuda/kernels.h"
#include "backends/cuda/sources.h"

namespace pare::backends::cuda {

template <typename T>
absl::Status quantize_to_codes(const Execution&, const Layout& layout, const T* x, const QuantizationGrid& grid,
                               const int32_t* zero_point, uint8_t* codes, float* squared_error) {
  Call call;
  x = call.input(x, layout.size());
  zero_point = call.input(zero_point, layout.channels);
  codes = call.output(codes, layout.size());
  squared_error = call.output(squared_error, layout.channels);
  const Grid levels = bind_grid(call, layout, grid);
  if (squared_error == nullptr) {
    launch_elementwise<T>(call, sources::codes, "quantize_to_codes", elementwise(layout, sizeof(T), {x, codes}), x,
                          levels, zero_point, codes);
  } else {
    reduce<T, SumsOfPiece<1>>(call, layout, {x, codes}, sources::codes,
                              {"quantize_to_codes_sums", "quantize_to_codes_combine"},
                              arguments(x, levels, zero_point, codes), arguments(squared_error));
  }
  return call.finish();
}

template <typename T>
absl::Status dequantize_codes(const Execution&, const Layout& layout, const uint8_t* codes, bool is_signed,
                              const float* step, const int32_t* zero_point, T* y) {
  Call call;
  codes = call.input(codes, layout.size());
  step = call.input(step, layout.channels);
  zero_point = call.input(zero_point, layout.channels);
  y = call.output(y, layout.size());
  launch_elementwise<T>(call, sources::codes, "dequantize_codes", elementwise(layout, sizeof(T), {codes, y}), codes,
                        is_signed, step, zero_point, y);
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                   \
  template absl::Status quantize_to_codes(const Execution&, const Layout&, const T*, const QuantizationGrid&, \
                                          const int32_t*, uint8_t*, float*);                                  \
  template absl::Status dequantize_codes(const Execution&, const Layout&, const uint8_t*, bool, const float*, \
                                         const int32_t*, T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::cuda
