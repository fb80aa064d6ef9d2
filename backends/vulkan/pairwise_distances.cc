#include <algorithm>
#include <bit>
#include <cstdint>

#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/pairwise_distances_shaders.h"

namespace pare::backends::vulkan {
namespace {

// The same as the shader's.
struct PairConstants {
  uint32_t a_start, b_start;
  uint32_t a_channels, b_channels;
  uint32_t a_first, b_first;
  uint32_t inner;
  uint32_t row;
  uint32_t places;
  FastDivisor inner_divisor;
  uint32_t distances_start;
  uint32_t distances_row;
  uint32_t channels;
};
constexpr uint32_t kAddToSums = 1, kComplete = 2, kBothWays = 4;
// A binding begins at a multiple of as many bytes.
constexpr int64_t kBindingBytes = 256;

}  // namespace

template <typename T>
absl::Status pairwise_distances(const Execution&, const Layout& layout, const T* x, float* distances) {
  const Shader& shader =
      variant<T>(shaders::pairwise_distances_f32, shaders::pairwise_distances_f16, shaders::pairwise_distances_bf16);
  const int64_t channels = layout.channels, inner = layout.inner, row = channels * inner;
  Call call({x, distances});
  const Buffer in = call.input(x, layout.size()), out = call.output(distances, channels * channels);
  if (!call.ok() || channels == 0) return call.finish();
  if (layout.size() == 0) {
    call.fill(out, 0);
    return call.finish();
  }
  const DevicePlan& plan = call.plan();
  const uint32_t tile_columns = 1u << (std::bit_width(plan.local_size) / 2), tile_rows = plan.local_size / tile_columns;
  // What can be bound: of x, and of rows of the distances. Where all distances can, each pair is taken once.
  const int64_t most = max_section_elements(plan, sizeof(T)), range = plan.buffer_range;
  const int64_t row_bytes = channels * static_cast<int64_t>(sizeof(float));
  const bool both_ways = channels * row_bytes <= range;
  const int64_t rows = both_ways ? channels : std::max<int64_t>((range - kBindingBytes) / row_bytes, 1);
  const int64_t outers = std::min(std::max<int64_t>(most / row, 1), layout.outer);
  const int64_t inners = std::min(inner, most);
  const int64_t side_by_side = row <= most ? channels : std::max<int64_t>(most / inner, 1);
  const auto first_element = [&](int64_t outer, int64_t channel, int64_t place) {
    return (outer * channels + channel) * inner + place;
  };
  for (int64_t first_row = 0; first_row < channels; first_row += rows) {
    const int64_t end_row = std::min(first_row + rows, channels);
    const int64_t begin = first_row * row_bytes, before = begin % kBindingBytes;
    const Buffer some = out.range(begin - before, before + (end_row - first_row) * row_bytes);
    for (int64_t outer = 0; outer < layout.outer; outer += outers) {
      for (int64_t place = 0; place < inner; place += inners) {
        const int64_t end_outer = std::min(outer + outers, layout.outer), end_place = std::min(place + inners, inner);
        const uint32_t flags = (outer > 0 || place > 0 ? kAddToSums : 0) |
                               (end_outer == layout.outer && end_place == inner ? kComplete : 0) |
                               (both_ways ? kBothWays : 0);
        const auto bound = [&](int64_t channel, int64_t end) {
          const int64_t aligned = first_element(outer, channel, place) / kBindingBytes * kBindingBytes;
          const int64_t last = first_element(end_outer - 1, end - 1, end_place);
          return in.range(aligned * sizeof(T), (last - aligned) * sizeof(T));
        };
        for (int64_t a = first_row; a < end_row; a += side_by_side) {
          for (int64_t b = 0; b < (both_ways ? a + 1 : channels); b += side_by_side) {
            const int64_t end_a = std::min(a + side_by_side, end_row), end_b = std::min(b + side_by_side, channels);
            PairConstants constants{};
            constants.a_start = first_element(outer, a, place) % kBindingBytes;
            constants.b_start = first_element(outer, b, place) % kBindingBytes;
            constants.a_channels = end_a - a;
            constants.b_channels = end_b - b;
            constants.a_first = a;
            constants.b_first = b;
            constants.inner = end_place - place;
            constants.row = row <= most ? row : 0;
            constants.places = (end_outer - outer) * constants.inner;
            constants.inner_divisor = fast_divisor(constants.inner);
            constants.distances_start = before / sizeof(float);
            constants.distances_row = first_row;
            constants.channels = channels;
            const int64_t tiles =
                ((end_a - a + tile_rows - 1) / tile_rows) * ((end_b - b + tile_columns - 1) / tile_columns);
            call.dispatch_groups(shader, {bound(a, end_a), bound(b, end_b), some}, constants,
                                 {kElements, inner == 1, tile_rows, tile_columns, flags},
                                 std::min<int64_t>(tiles, plan.loop_groups));
          }
        }
      }
    }
  }
  return call.finish();
}

#define PARE_INSTANTIATE(T) template absl::Status pairwise_distances(const Execution&, const Layout&, const T*, float*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
