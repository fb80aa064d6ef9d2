#include "backends/vulkan/channel_reduction.h"

#include <algorithm>

namespace pare::backends::vulkan {
namespace {

// Indices and sums of two of them stay below 2^31.
constexpr int64_t kMaxElements = int64_t{1} << 30;
// A binding begins at a multiple of as many bytes, and a section of a run at one of as many elements.
constexpr int64_t kBindingBytes = 256, kRunAlignment = 1024;
// Results of so many channels begin at a multiple of kBindingBytes.
constexpr int64_t kChannelAlignment = 64;

int64_t divide_up(int64_t n, int64_t divisor) { return (n + divisor - 1) / divisor; }

// The same as combine_pieces.comp's.
struct CombineConstants {
  uint32_t channels;
  uint32_t values;
  uint32_t pieces;
  uint32_t piece;
};

// Elements [outer, channel, inner] of the tensor that a section begins with, and how many there are in each direction.
struct Block {
  int64_t outer, channel, inner;
  int64_t outers, channels, inners;
};

// Calls body for blocks that are at most max_elements apart from first to last element.
void for_each_block(const Layout& layout, int64_t max_elements, int64_t first_channel, int64_t end_channel,
                    absl::FunctionRef<void(const Block&)> body) {
  const int64_t row = layout.channels * layout.inner, channels = end_channel - first_channel;
  if (row <= max_elements) {
    const int64_t outers = max_elements / row;
    for (int64_t outer = 0; outer < layout.outer; outer += outers) {
      body({outer, first_channel, 0, std::min(outers, layout.outer - outer), channels, layout.inner});
    }
    return;
  }
  const int64_t side_by_side = std::max<int64_t>(max_elements / layout.inner, 1);
  const int64_t inners = std::min(layout.inner, max_elements);
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (int64_t inner = 0; inner < layout.inner; inner += inners) {
      for (int64_t channel = first_channel; channel < end_channel; channel += side_by_side) {
        body({outer, channel, inner, 1, std::min(side_by_side, end_channel - channel),
              std::min(inners, layout.inner - inner)});
      }
    }
  }
}

void combine(Call& call, const Reduction& reduction, Buffer values, int64_t count, int64_t first_channel,
             int64_t channels) {
  const DevicePlan& plan = call.plan();
  for (;;) {
    const bool columns = count <= kReductionSteps;
    const int64_t piece = columns ? std::max<int64_t>(count, 1) : kReductionSteps * plan.local_size;
    const int64_t pieces = std::max<int64_t>(divide_up(count, piece), 1);
    const bool last = pieces == 1;
    const Buffer fewer = call.scratch(last ? reduction.value_bytes : pieces * channels * reduction.value_bytes);
    const auto result = [&](int i) {
      return reduction.results[i].range(first_channel * reduction.result_bytes, channels * reduction.result_bytes);
    };
    const CombineConstants constants{static_cast<uint32_t>(channels), static_cast<uint32_t>(count),
                                     static_cast<uint32_t>(pieces), static_cast<uint32_t>(piece)};
    const int64_t groups = columns ? divide_up(channels, plan.local_size) : channels * pieces;
    call.dispatch_groups(reduction.combine, {values.read_only(), fewer, result(0), result(1), result(2)}, constants,
                         {columns ? 1u : 0u, last ? reduction.way : 0u}, std::min<int64_t>(groups, plan.loop_groups));
    if (last || !call.ok()) return;
    values = fewer;
    count = pieces;
  }
}

}  // namespace

bool in_groups(const Layout& layout) { return layout.channels == 1 || layout.inner % 4 == 0; }

int64_t max_section_elements(const DevicePlan& plan, uint64_t widest_element_bytes) {
  const int64_t bound = std::min<int64_t>(plan.buffer_range / widest_element_bytes, kMaxElements);
  return std::max((bound - kBindingBytes) / kRunAlignment * kRunAlignment, kRunAlignment);
}

int64_t for_each_section(const DevicePlan& plan, const Layout& original, uint64_t widest_element_bytes,
                         int64_t first_channel, int64_t end_channel, int64_t steps,
                         absl::FunctionRef<void(const Section&)> body) {
  if (original.size() == 0) return 0;
  // One channel: everything is one run.
  const Layout layout = original.channels == 1 ? Layout::per_tensor(original.size()) : original;
  const bool grouped = in_groups(layout), columns = layout.channels > 1 && layout.inner == 1;
  const int64_t unit = grouped ? 4 : 1;
  const int64_t piece = steps * (grouped ? 1 : 4) * (columns ? 1 : plan.local_size);
  const int64_t max_elements = max_section_elements(plan, widest_element_bytes);
  const int64_t row = layout.channels * layout.inner;
  int64_t values = 0;
  for_each_block(layout, max_elements, first_channel, end_channel, [&](const Block& block) {
    const int64_t begin = (block.outer * layout.channels + block.channel) * layout.inner + block.inner;
    Section section{};
    section.first = begin / kBindingBytes * kBindingBytes;
    section.end = begin + (block.outers - 1) * row + (block.channels - 1) * layout.inner + block.inners;
    section.channel_mode = grouped ? kGroups : kElements;
    section.columns = columns;
    SectionConstants& constants = section.constants;
    constants.start = (begin - section.first) / unit;
    constants.channels = block.channels;
    constants.run = divide_up(block.inners, unit);
    // Where there is one run only, a row may be anything, and too much for 32 bits.
    constants.row = block.outers > 1 ? row / unit : 0;
    constants.inner = block.inners;
    const int64_t units = block.outers * constants.run;
    constants.units = units;
    constants.pieces = divide_up(units, piece);
    constants.piece = piece;
    constants.first_channel = block.channel;
    constants.result_stride = end_channel - first_channel;
    constants.result = values * constants.result_stride + (block.channel - first_channel);
    constants.run_divisor = fast_divisor(constants.run);
    constants.channels_divisor = fast_divisor(constants.channels);
    const int64_t spans = block.channels * constants.pieces;
    section.groups = std::min<int64_t>(columns ? divide_up(spans, plan.local_size) : spans, plan.loop_groups);
    // Blocks of the same place in other channels fill the same values.
    if (block.channel + block.channels == end_channel) values += constants.pieces;
    body(section);
  });
  return values;
}

void reduce_channels(Call& call, const Layout& layout, uint64_t widest_element_bytes, const Reduction& reduction,
                     absl::FunctionRef<void(const Section&, const Buffer& partial)> body) {
  if (!call.ok()) return;
  const DevicePlan& plan = call.plan();
  const int64_t values =
      for_each_section(plan, layout, widest_element_bytes, 0, layout.channels, kReductionSteps, [](const Section&) {});
  // So many channels that their values can be bound.
  const int64_t fitting = plan.buffer_range / (std::max<int64_t>(values, 1) * reduction.value_bytes);
  const int64_t side_by_side = std::max(fitting / kChannelAlignment * kChannelAlignment, kChannelAlignment);
  for (int64_t first = 0; first < layout.channels; first += side_by_side) {
    const int64_t end = std::min(first + side_by_side, layout.channels);
    const Buffer partial = call.scratch(values * (end - first) * reduction.value_bytes);
    for_each_section(plan, layout, widest_element_bytes, first, end, kReductionSteps,
                     [&](const Section& section) { body(section, partial); });
    combine(call, reduction, partial, values, first, end - first);
  }
}

}  // namespace pare::backends::vulkan
