// shaders/channel_reduction.glsl: one value out of all elements of a channel, first part: a value for each piece of it.
// The host's side is channel_reduction.h.
//
//   #define SUMS
//   #include "reductions.glsl"
//   #include "channel_reduction.glsl"
//   layout(push_constant) uniform Push { SectionConstants section; };  // other constants may follow
//   READS(0, x)
//   WRITES_OF(REDUCE_TYPE, 1, partial)
//   struct Parameters { float center; };
//   Parameters parameters(uint channel) { return Parameters(center[channel]); }
//   void visit(Place at, Parameters p, inout Lanes lanes) { lanes.first += KEEP(LOAD(x, at) - p.center, at); }
//   #include "channel_reduction_main.glsl"
//
// A place is what an invocation handles at once: 4 elements of one channel. Where 4 elements that begin at a multiple
// of 4 are always of one channel, it is such a group; else they are single elements, and may lie anywhere.

#ifndef PARE_CHANNEL_REDUCTION_GLSL_
#define PARE_CHANNEL_REDUCTION_GLSL_

#include "channels.glsl"

// 1 where an invocation goes down a piece by itself, and its neighbours go down other channels; else a workgroup does.
layout(constant_id = 2) const uint kColumns = 0;
#define COLUMNS (kColumns != 0u)

// Units are groups where GROUPS_OF_ONE_CHANNEL, else elements.
struct SectionConstants {
  uint start;     // unit of what is bound
  uint channels;  // of the section
  uint run;       // units of a channel that lie side by side
  uint row;       // units from one run of a channel to its next
  uint inner;     // elements of a run
  uint units;     // of a channel
  uint pieces;    // of a channel
  uint piece;     // units of a piece
  uint first_channel;
  uint result, result_stride;  // the place of the first value, and from one piece's to the next one's
  uint run_multiplier, run_shift;
  uint channels_multiplier, channels_shift;
};

// A piece of a channel, as one invocation sees it: units begin, begin + step, ... below end.
struct Span {
  uint channel;  // of the section
  uint begin, end, step;
  uint result;  // the place of its value
};

#define FIRST_SPAN (COLUMNS ? gl_GlobalInvocationID.x : gl_WorkGroupID.x)
#define SPAN_STRIDE (COLUMNS ? GROUP_STRIDE : gl_NumWorkGroups.x)

uint side_by_side() { return COLUMNS ? 1u : gl_WorkGroupSize.x; }

Span span_at(SectionConstants section, uint index) {
  const uint piece = divide(index, section.channels_multiplier, section.channels_shift);
  const uint channel = index - piece * section.channels;
  const uint begin = piece * section.piece, end = min(begin + section.piece, section.units);
  return Span(channel, begin + (COLUMNS ? 0u : gl_LocalInvocationIndex), end,
              GROUPS_OF_ONE_CHANNEL ? side_by_side() : 4u * side_by_side(),
              section.result + piece * section.result_stride + channel);
}

struct Place {
  uint group;
  uvec4 element;
  bvec4 valid;  // which of the 4 are there
};

Place place_at(SectionConstants section, Span span, uint unit) {
  const uint first = section.start + span.channel * section.run;
  if (GROUPS_OF_ONE_CHANNEL) {
    const uint run = divide(unit, section.run_multiplier, section.run_shift);
    const uint within = unit - run * section.run;
    return Place(first + run * section.row + within, uvec4(0),
                 lessThan(4u * within + uvec4(0, 1, 2, 3), uvec4(section.inner)));
  }
  const uvec4 wanted = unit + side_by_side() * uvec4(0, 1, 2, 3);
  const uvec4 units = min(wanted, uvec4(span.end - 1u));
  const uvec4 run = divide(units, section.run_multiplier, section.run_shift);
  return Place(0u, first + run * section.row + (units - run * section.run), equal(units, wanted));
}

// The 4 elements of a tensor at a place, as floats.
#define LOAD(name, at)                                                                                           \
  (GROUPS_OF_ONE_CHANNEL ? unpack(name[at.group])                                                                \
                         : unpack_single(uvec4(SINGLE(name, at.element.x), SINGLE(name, at.element.y),           \
                                               SINGLE(name, at.element.z), SINGLE(name, at.element.w))))
#if defined(ELEMENT_F32)
#define SINGLE(name, e) floatBitsToUint(name[(e) >> 2][(e) & 3u])
vec4 unpack_single(uvec4 bits) { return uintBitsToFloat(bits); }
#else
#define SINGLE(name, e) ((name[(e) >> 2][((e) >> 1) & 1u] >> (16u * ((e) & 1u))) & 0xffffu)
#if defined(ELEMENT_F16)
vec4 unpack_single(uvec4 bits) { return half_value(bits); }
#else
vec4 unpack_single(uvec4 bits) { return bfloat_value(bits); }
#endif
#endif

// Zero for those that are not there.
#define KEEP(numbers, at) mix(vec4(0), numbers, at.valid)

#endif  // PARE_CHANNEL_REDUCTION_GLSL_
