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

// Where a span has come to: the runs and the places within them of what is next. It goes on by additions: a division a
// place costs more than most kernels do with it.
struct Cursor {
  uint first;            // unit where the channel's first run begins
  uint unit;             // of the first lane
  uint runs, rest;       // of a step
  uvec4 run, within;     // of each lane; where GROUPS_OF_ONE_CHANNEL of the first one only
};

Cursor cursor_at(SectionConstants section, Span span) {
  const uint runs = divide(span.step, section.run_multiplier, section.run_shift);
  const uvec4 unit = span.begin + side_by_side() * uvec4(0, 1, 2, 3);
  const uvec4 run = divide(unit, section.run_multiplier, section.run_shift);
  return Cursor(section.start + span.channel * section.run, span.begin, runs, span.step - runs * section.run, run,
                unit - run * section.run);
}

void advance(SectionConstants section, Span span, inout Cursor at) {
  at.unit += span.step;
  at.run += at.runs;
  at.within += at.rest;
  const bvec4 over = greaterThanEqual(at.within, uvec4(section.run));
  at.run += uvec4(over);
  at.within -= mix(uvec4(0), uvec4(section.run), over);
}

// Of a cursor that may stand behind the end: then nothing is valid, and the place is the span's first channel's first.
Place place_at(SectionConstants section, Span span, Cursor at) {
  if (GROUPS_OF_ONE_CHANNEL) {
    const bool there = at.unit < span.end;
    const uint group = at.first + at.run.x * section.row + at.within.x;
    return Place(there ? group : section.start, uvec4(0),
                 lessThan(4u * at.within.x + uvec4(0, 1, 2, 3), uvec4(there ? section.inner : 0u)));
  }
  const bvec4 there = lessThan(at.unit + side_by_side() * uvec4(0, 1, 2, 3), uvec4(span.end));
  return Place(0u, mix(uvec4(section.start), at.first + at.run * section.row + at.within, there), there);
}

// The 4 elements of a tensor at a place, as floats.
#define LOAD(name, at)                                                                                           \
  (GROUPS_OF_ONE_CHANNEL ? unpack(name[at.group])                                                                \
                         : unpack_single(uvec4(SINGLE(name, at.element.x), SINGLE(name, at.element.y),           \
                                               SINGLE(name, at.element.z), SINGLE(name, at.element.w))))

// Writes four numbers of T to a place of a tensor. Single elements only of ELEMENT_F32: those of 16 bits share words.
#if defined(ELEMENT_F32)
#define STORE_SINGLES(name, at, numbers)                                                   \
  for (int lane = 0; lane < 4; ++lane) {                                                   \
    if (at.valid[lane]) name[at.element[lane] >> 2][at.element[lane] & 3u] = numbers[lane]; \
  }
#else
#define STORE_SINGLES(name, at, numbers)
#endif
#define STORE(name, at, numbers)           \
  if (GROUPS_OF_ONE_CHANNEL) {             \
    name[at.group] = pack(numbers);        \
  } else {                                 \
    STORE_SINGLES(name, at, numbers)       \
  }

// Zero for those that are not there.
#define KEEP(numbers, at) mix(vec4(0), numbers, at.valid)

#endif  // PARE_CHANNEL_REDUCTION_GLSL_
