// backends/vulkan/channel_reduction.h: one value out of all elements of each channel, for tensors of any size.
//
//   Call call({x, l1, l2});
//   const Buffer in = call.input(x, layout.size());
//   const Reduction reduction{PARE_COMBINE_SHADER(call.plan(), sums), 4 * sizeof(float), {...outputs}, sizeof(float)};
//   reduce_channels(call, layout, sizeof(T), reduction, [&](const Section& section, const Buffer& partial) {
//     call.dispatch_groups(PARE_REDUCTION_SHADER(T, call.plan(), filter_norms), {section.of(in, x), partial},
//                          section.constants, section.modes(), section.groups);
//   });
//
// The kernel's shader makes a value of each piece of a channel (shaders/channel_reduction.glsl), and
// shaders/combine_pieces.comp one of all pieces. Pieces, and the trees that values are added along, depend on the
// layout and the device only; along a tree each invocation takes at most 32 steps, so that a sum of floats is off by
// less than 2^-16 of its terms' magnitudes. How a tensor is seen:
//   - Where 4 elements that begin at a multiple of 4 are always of one channel: in such groups.
//   - Where inner == 1: each invocation goes down a channel by itself, its neighbours down the channels beside it.
//   - Else in single elements.
// Tensors above plan().buffer_range are taken in sections: of whole rows of channels, else of a row's channels, else of
// a run.

#ifndef PARE_BACKENDS_VULKAN_CHANNEL_REDUCTION_H_
#define PARE_BACKENDS_VULKAN_CHANNEL_REDUCTION_H_

#include <array>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "backends/kernel_backend.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/shader.h"

namespace pare::backends::vulkan {

// The same as SectionConstants of channel_reduction.glsl.
struct SectionConstants {
  uint32_t start;
  uint32_t channels;
  uint32_t run;
  uint32_t row;
  uint32_t inner;
  uint32_t units;
  uint32_t pieces;
  uint32_t piece;
  uint32_t first_channel;
  uint32_t result, result_stride;
  FastDivisor run_divisor;
  FastDivisor channels_divisor;
};

struct Section {
  int64_t first, end;        // elements of the tensor that are bound
  ChannelMode channel_mode;  // kGroups or kElements
  bool columns;              // an invocation goes down a channel by itself
  uint64_t groups;           // workgroups to dispatch
  SectionConstants constants;

  // The part of a buffer that holds elements of T.
  template <typename T>
  Buffer of(const Buffer& buffer, const T*) const {
    return buffer.range(first * sizeof(T), (end - first) * sizeof(T));
  }
  // The specialization constants 1 and 2 of shaders with channel_reduction.glsl, and the kernel's own one.
  std::array<uint32_t, 3> modes(uint32_t own = 0) const { return {channel_mode, columns ? 1u : 0u, own}; }
};

// What an invocation takes one after the other in a reduction.
inline constexpr int64_t kReductionSteps = 32;

// How the values of pieces become results.
struct Reduction {
  const Shader& combine;          // a variant of combine_pieces.comp
  uint64_t value_bytes;           // of a piece's value
  std::array<Buffer, 3> results;  // one number a channel each; what the reduction lacks may be anything
  uint64_t result_bytes;          // of such a number
  uint32_t way = 1;               // kResults of combine_pieces.comp
};

// The variant of a reduction's shader for tensors of T on a device of that plan, and of combine_pieces.comp for a kind
// of values: what the glsl_library reduction_shaders calls min_max_f32_subgroups and combine_extremes, for example.
#define PARE_REDUCTION_SHADER(T, plan, name)                                                                      \
  ((plan).subgroups                                                                                               \
       ? variant<T>(shaders::name##_f32_subgroups, shaders::name##_f16_subgroups, shaders::name##_bf16_subgroups) \
       : variant<T>(shaders::name##_f32, shaders::name##_f16, shaders::name##_bf16))
#define PARE_COMBINE_SHADER(plan, kind) \
  ((plan).subgroups ? shaders::combine_##kind##_subgroups : shaders::combine_##kind)

// Whether a tensor of this layout is seen in groups of 4.
bool in_groups(const Layout& layout);

// Calls body for each section, with the buffer for its values, and then combines them.
void reduce_channels(Call& call, const Layout& layout, uint64_t widest_element_bytes, const Reduction& reduction,
                     absl::FunctionRef<void(const Section&, const Buffer& partial)> body);

// How many elements a section has at most, from its first to its last one: a multiple of 1024. It leaves room for those
// before the first one, back to a multiple of 256.
int64_t max_section_elements(const DevicePlan& plan, uint64_t widest_element_bytes);

// Calls body for each section of the channels in [first_channel, end_channel); returns how many values a channel has.
// The same value of all channels lies side by side. An invocation takes `steps` groups, or 4 times as many elements, of
// a piece.
int64_t for_each_section(const DevicePlan& plan, const Layout& layout, uint64_t widest_element_bytes,
                         int64_t first_channel, int64_t end_channel, int64_t steps,
                         absl::FunctionRef<void(const Section&)> body);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_CHANNEL_REDUCTION_H_
