#include "backends/cuda/kernels/elementwise.cuh"
#include "backends/cuda/kernels/quantization.cuh"
#include "backends/cuda/kernels/reduction.cuh"

namespace pare::backends::cuda {

struct Coder {
  Levels levels;
  int32_t zero_point;

  PARE_DEVICE Coder(const Grid& grid, const int32_t* zero_points, uint32_t channel)
      : levels(grid, channel), zero_point(zero_points[channel]) {}

  PARE_DEVICE float level(float x) const {
    const float level = levels.nearest(x);
    return is_nan(level) ? 0.0f : level;
  }
  PARE_DEVICE uint8_t code(float level) const { return static_cast<uint8_t>(static_cast<int32_t>(level) + zero_point); }
};

PARE_KERNEL(quantize_to_codes, Elementwise elements, const Element* x, Grid grid, const int32_t* zero_point,
            uint8_t* codes) {
  for_each_group(
      elements, [&](uint32_t channel) { return Coder(grid, zero_point, channel); },
      [&](const Group& group, const auto& coder_of) {
        float numbers[kWidth];
        uint8_t bytes[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          const Coder coder = coder_of(lane);
          bytes[lane] = coder.code(coder.level(numbers[lane]));
        }
        store_bytes(codes, group, bytes);
      });
}

// The same with the squared error of each channel.
PARE_KERNEL(quantize_to_codes_sums, Reduction reduction, const Element* x, Grid grid, const int32_t* zero_point,
            uint8_t* codes, Sums<1>* partial) {
  reduce_pieces<Sums<1>>(
      reduction, [&](uint32_t channel) { return Coder(grid, zero_point, channel); },
      [&](const Group& group, const auto& coder_of, LaneSums<1>(&sums)[kWidth]) {
        float numbers[kWidth];
        uint8_t bytes[kWidth];
        load(x, group, numbers);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          if (lane >= group.count) continue;
          const Coder coder = coder_of(lane);
          const float level = coder.level(numbers[lane]), difference = coder.levels.step * level - numbers[lane];
          bytes[lane] = coder.code(level);
          sums[lane].of[0] += difference * difference;
        }
        store_bytes(codes, group, bytes);
      },
      partial);
}

PARE_KERNEL(quantize_to_codes_combine, Combination combination, const Sums<1>* partial, float* squared_error) {
  combine_pieces(combination, partial, [&](uint32_t channel, const Sums<1>& sums) {
    squared_error[channel] = static_cast<float>(sums.of[0]);
  });
}

struct Decoder {
  float step;
  int32_t zero_point;
};

PARE_KERNEL(dequantize_codes, Elementwise elements, const uint8_t* codes, bool is_signed, const float* step,
            const int32_t* zero_point, Element* y) {
  for_each_group(
      elements,
      [&](uint32_t channel) {
        return Decoder{step[channel], zero_point[channel]};
      },
      [&](const Group& group, const auto& decoder_of) {
        float numbers[kWidth];
        uint8_t bytes[kWidth];
        load_bytes(codes, group, bytes);
#pragma unroll
        for (int lane = 0; lane < kWidth; ++lane) {
          const Decoder decoder = decoder_of(lane);
          const int32_t code = is_signed ? static_cast<int8_t>(bytes[lane]) : bytes[lane];
          numbers[lane] = decoder.step * static_cast<float>(code - decoder.zero_point);
        }
        store(y, group, numbers);
      });
}

}  // namespace pare::backends::cuda
