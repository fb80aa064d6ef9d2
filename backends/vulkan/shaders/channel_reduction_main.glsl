// shaders/channel_reduction_main.glsl: main() of the first part of a reduction: see channel_reduction.glsl.

void main() {
  for (uint i = FIRST_SPAN; i < section.channels * section.pieces; i += SPAN_STRIDE) {
    const Span span = span_at(section, i);
    const Parameters shared_by_all = parameters(section.first_channel + span.channel);
    Lanes lanes = no_lanes();
    for (Cursor at = cursor_at(section, span); at.unit < span.end; advance(section, span, at)) {
      visit(place_at(section, span, at), shared_by_all, lanes);
    }
    REDUCE_TYPE value = fold(lanes);
    if (!COLUMNS) value = reduce_workgroup(value);
    if (COLUMNS || gl_LocalInvocationIndex == 0u) partial[span.result] = value;
  }
}
