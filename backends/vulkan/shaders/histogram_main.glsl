// shaders/histogram_main.glsl: main() of shaders that count the elements of each channel in bins.
//
// Comes last. Before it stand channel_reduction.glsl, the push constants with `SectionConstants section` and
// `CountsConstants counts`, struct Parameters, Parameters parameters(uint channel), uvec4 bins_of(vec4 numbers,
// Parameters p) with NO_BIN for what is not counted, the tensor x, and UPDATES_OF(uint, ..., added): counts.size
// counts a channel.

// Whether a workgroup counts a piece in memory of its own first: there are at most 4096 bins then.
layout(constant_id = 4) const uint kLocal = 0;

// Whether counts are of 64 bits, two words each, the low one first.
layout(constant_id = 5) const uint kLong = 0;

shared uint local_counts[4096];

void add(uint count, uint number) {
  if (kLong == 0u) {
    atomicAdd(added[count], number);
  } else {
    // Whoever lifts the low word over its end carries: the sum is right in any order.
    const uint before = atomicAdd(added[2u * count], number);
    if (before > 0xffffffffu - number) atomicAdd(added[2u * count + 1u], 1u);
  }
}

void count(bool valid, uint bin, uint first) {
  if (!valid || bin == NO_BIN) return;
  if (kLocal != 0u) {
    atomicAdd(local_counts[bin], 1u);
  } else {
    add(first + bin, 1u);
  }
}

void main() {
  for (uint i = FIRST_SPAN; i < section.channels * section.pieces; i += SPAN_STRIDE) {
    const Span span = span_at(section, i);
    const Parameters shared_by_all = parameters(section.first_channel + span.channel);
    const uint first = (counts.first_channel + span.channel) * counts.size + counts.first_count;
    if (kLocal != 0u) {
      barrier();
      for (uint bin = gl_LocalInvocationIndex; bin < counts.size; bin += gl_WorkGroupSize.x) local_counts[bin] = 0u;
      barrier();
    }
    for (Cursor cursor = cursor_at(section, span); cursor.unit < span.end; advance(section, span, cursor)) {
      const Place at = place_at(section, span, cursor);
      const uvec4 bins = bins_of(LOAD(x, at), shared_by_all);
      for (int lane = 0; lane < 4; ++lane) count(at.valid[lane], bins[lane], first);
    }
    if (kLocal != 0u) {
      barrier();
      for (uint bin = gl_LocalInvocationIndex; bin < counts.size; bin += gl_WorkGroupSize.x) {
        const uint of_piece = local_counts[bin];
        if (of_piece != 0u) add(first + bin, of_piece);
      }
    }
  }
}
