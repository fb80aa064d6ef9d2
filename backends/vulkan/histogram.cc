#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/channel_reduction.h"
#include "backends/vulkan/histogram_shaders.h"
#include "backends/vulkan/kernels.h"

namespace pare::backends::vulkan {
namespace {

// What a workgroup can count in memory of its own: 16 KiB, which every device has.
constexpr int64_t kLocalCounts = 4096;
// A workgroup counts there where it has so many elements for each count: else clearing and adding costs more.
constexpr int64_t kElementsOfLocalCount = 4;
// A binding begins at a multiple of as many bytes.
constexpr int64_t kBindingBytes = 256;

// The same as the shaders'.
struct CountsConstants {
  uint32_t size;
  uint32_t first_channel;
  uint32_t first_count;
};
struct HistogramConstants {
  SectionConstants section;
  CountsConstants counts;
};
struct KeyHistogramConstants {
  SectionConstants section;
  CountsConstants counts;
  uint32_t shift;
};
struct AddConstants {
  uint32_t count;
  uint32_t first;
};

// What a section's elements are counted in.
struct Counting {
  CountsConstants constants;
  bool local;   // by a workgroup in memory of its own first
  bool direct;  // in the caller's counts of 64 bits
  Buffer counts;

  // The specialization constants behind those of the section.
  template <size_t kCount>
  std::array<uint32_t, kCount + 2> modes(const std::array<uint32_t, kCount>& of_section) const {
    std::array<uint32_t, kCount + 2> all{};
    std::copy(of_section.begin(), of_section.end(), all.begin());
    all[kCount] = local;
    all[kCount + 1] = direct;
    return all;
  }
};

// The caller's counts of channels [first, end), from where they can be bound.
struct Counts {
  Buffer buffer;
  uint32_t first_count;
};
Counts counts_of(const Buffer& all, int64_t size, int64_t first, int64_t end) {
  const int64_t begin = first * size * sizeof(int64_t), bytes = (end - first) * size * sizeof(int64_t);
  const int64_t before = begin % kBindingBytes;
  return {all.range(begin - before, before + bytes), static_cast<uint32_t>(before / sizeof(int64_t))};
}

// Calls body for every section with what it counts in, `size` counts a channel.
void count_sections(Call& call, const Layout& layout, uint64_t element_bytes, int64_t size, int64_t* counts,
                    absl::FunctionRef<void(const Section&, const Counting&)> body) {
  if (!call.ok()) return;
  const DevicePlan& plan = call.plan();
  const Buffer all = call.in_out(counts, layout.channels * size);
  // Pieces so long that setting counts to zero, and adding them, costs little beside counting.
  const int64_t steps = std::max(kReductionSteps, 8 * std::min(size, kLocalCounts) / (4 * plan.local_size));
  const int64_t fitting = static_cast<int64_t>(plan.buffer_range) - kBindingBytes;
  const int64_t side_by_side = std::max<int64_t>(fitting / (size * static_cast<int64_t>(sizeof(int64_t))), 1);
  // Counts of 32 bits are faster, but have to be cleared, and added to the caller's.
  const bool direct = 2 * layout.channels * size > layout.size();
  for (int64_t first = 0; first < layout.channels; first += side_by_side) {
    const int64_t end = std::min(first + side_by_side, layout.channels);
    const Counts wanted = counts_of(all, size, first, end);
    const Buffer added = direct ? wanted.buffer : call.scratch((end - first) * size * sizeof(uint32_t));
    const auto clear = [&] {
      if (!direct) call.fill(added, 0);
    };
    const auto add = [&] {
      if (direct) return;
      const AddConstants constants{static_cast<uint32_t>((end - first) * size), wanted.first_count};
      call.dispatch(shaders::add_counts, {added.read_only(), wanted.buffer}, constants, {}, constants.count);
    };
    clear();
    int64_t counted = 0;
    for_each_section(plan, layout, element_bytes, first, end, steps, [&](const Section& section) {
      const int64_t elements = section.end - section.first;
      if (counted + elements > int64_t{UINT32_MAX}) {
        add();
        clear();
        counted = 0;
      }
      counted += elements;
      const int64_t of_unit = section.channel_mode == kGroups ? 4 : 1;
      const int64_t of_piece = of_unit * std::min(section.constants.units, section.constants.piece);
      const bool local = size <= kLocalCounts && !section.columns && of_piece >= kElementsOfLocalCount * size;
      body(section, {{static_cast<uint32_t>(size), section.constants.first_channel - static_cast<uint32_t>(first),
                      direct ? wanted.first_count : 0},
                     local,
                     direct,
                     added});
    });
    add();
  }
}

}  // namespace

template <typename T>
absl::Status histogram(const Execution&, const Layout& layout, const T* x, const HistogramBins& bins, int64_t* counts) {
  const Shader& shader = variant<T>(shaders::histogram_f32, shaders::histogram_f16, shaders::histogram_bf16);
  Call call({x, bins.low, bins.high, bins.width, bins.inverse_width, counts});
  const Buffer in = call.input(x, layout.size());
  const Buffer low = call.input(bins.low, layout.channels), high = call.input(bins.high, layout.channels);
  const Buffer width = call.input(bins.width, layout.channels);
  const Buffer inverse_width = call.input(bins.inverse_width, layout.channels);
  count_sections(call, layout, sizeof(T), bins.counts(), counts, [&](const Section& section, const Counting& counting) {
    call.dispatch_groups(shader, {section.of(in, x), counting.counts, low, high, width, inverse_width},
                         HistogramConstants{section.constants, counting.constants}, counting.modes(section.modes()),
                         section.groups);
  });
  return call.finish();
}

template <typename T>
absl::Status key_histogram(const Execution&, const Layout& layout, const T* x, const SelectionKeys& keys,
                           const KeyBins& bins, int64_t* counts) {
  const Shader& shader =
      variant<T>(shaders::key_histogram_f32, shaders::key_histogram_f16, shaders::key_histogram_bf16);
  // Without magnitudes neither counts.
  const float* const center = keys.magnitude ? keys.center : nullptr;
  const float* const scale = keys.magnitude ? keys.scale : nullptr;
  const uint32_t selection = (keys.magnitude ? 1 : 0) + (center != nullptr ? 2 : 0) + (scale != nullptr ? 4 : 0);
  Call call({x, bins.low, center, scale, counts});
  const Buffer in = call.input(x, layout.size()), low = call.input(bins.low, layout.channels);
  const Buffer centers = center != nullptr ? call.input(center, layout.channels) : low;
  const Buffer scales = scale != nullptr ? call.input(scale, layout.channels) : low;
  count_sections(call, layout, sizeof(T), bins.counts(), counts, [&](const Section& section, const Counting& counting) {
    call.dispatch_groups(
        shader, {section.of(in, x), counting.counts, low, centers, scales},
        KeyHistogramConstants{section.constants, counting.constants, static_cast<uint32_t>(bins.shift)},
        counting.modes(section.modes(selection)), section.groups);
  });
  return call.finish();
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::Status histogram(const Execution&, const Layout&, const T*, const HistogramBins&, int64_t*);          \
  template absl::Status key_histogram(const Execution&, const Layout&, const T*, const SelectionKeys&, const KeyBins&, \
                                      int64_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
