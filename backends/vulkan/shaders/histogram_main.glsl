// shaders/histogram_main.glsl: main() of shaders that count the elements of each channel in bins.
//
// Comes last. Before it stand channel_reduction.glsl, the push constants with `SectionConstants section` and
// `CountsConstants counts`, struct Parameters, Parameters parameters(uint channel), uvec4 bins_of(vec4 numbers,
// Parameters p) with NO_BIN for what is not counted, the tensor x, and UPDATES_OF(uint, ..., added): counts.size of
// them a channel.

// Whether a workgroup counts a piece in memory of its own first: there are at most 4096 bins then.
layout(constant_id = 4) const uint kLocal = 0;

shared uint local_counts[4096];

void count(bool valid, uint bin, uint first) {
  if (!valid || bin == NO_BIN) return;
  if (kLocal != 0u) {
    atomicAdd(local_counts[bin], 1u);
  } else {
    atomicAdd(added[first + bin], 1u);
  }
}

void main() {
  for (uint i = FIRST_SPAN; i < section.channels * section.pieces; i += SPAN_STRIDE) {
    const Span span = span_at(section, i);
    const Parameters shared_by_all = parameters(section.first_channel + span.channel);
    const uint first = (counts.first_channel + span.channel) * counts.size;
    if (kLocal != 0u) {
      barrier();
      for (uint bin = gl_LocalInvocationIndex; bin < counts.size; bin += gl_WorkGroupSize.x) local_counts[bin] = 0u;
      barrier();
    }
    for (uint unit = span.begin; unit < span.end; unit += span.step) {
      const Place at = place_at(section, span, unit);
      const uvec4 bins = bins_of(LOAD(x, at), shared_by_all);
      for (int lane = 0; lane < 4; ++lane) count(at.valid[lane], bins[lane], first);
    }
    if (kLocal != 0u) {
      barrier();
      for (uint bin = gl_LocalInvocationIndex; bin < counts.size; bin += gl_WorkGroupSize.x) {
        const uint of_piece = local_counts[bin];
        if (of_piece != 0u) atomicAdd(added[first + bin], of_piece);
      }
    }
  }
}
