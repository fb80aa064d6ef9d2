#version 450
#extension GL_GOOGLE_include_directive : require
#define MOMENTS
#include "reductions.glsl"
#include "channel_reduction.glsl"

layout(push_constant) uniform Push { SectionConstants section; };

READS(0, x)
WRITES_OF(REDUCE_TYPE, 1, partial)

// So many places are held at once: their distances to their own mean need no second read.
const uint kHeld = 8u;

struct Moments {
  vec4 mean, variance, count;  // of four lanes
};

// As combine() in reductions.glsl. Where neither side has numbers all are zeros.
Moments join(Moments a, Moments b) {
  const vec4 n = a.count + b.count, divisor = mix(n, vec4(1), equal(n, vec4(0)));
  const vec4 of_a = a.count / divisor, of_b = b.count / divisor, distance = a.mean - b.mean;
  const bvec4 only_a = equal(b.count, vec4(0)), only_b = equal(a.count, vec4(0));
  const vec4 mean = of_a * a.mean + of_b * b.mean;
  const vec4 variance = of_a * a.variance + of_b * b.variance + (distance * of_a) * (distance * of_b);
  return Moments(mix(mix(mean, a.mean, only_a), b.mean, only_b),
                 mix(mix(variance, a.variance, only_a), b.variance, only_b), n);
}

// Of the next places. 8 squares of at most 2^122 are added, which a float holds.
Moments moments_of(Span span, inout Cursor cursor) {
  vec4 numbers[kHeld];
  bvec4 valid[kHeld];
  vec4 sum = vec4(0), square = vec4(0);
  uvec4 counted = uvec4(0);
  for (uint k = 0u; k < kHeld; ++k) {
    const Place at = place_at(section, span, cursor);
    valid[k] = at.valid;
    numbers[k] = KEEP(LOAD(x, at), at);
    sum += numbers[k];
    counted += uvec4(valid[k]);
    advance(section, span, cursor);
  }
  const vec4 count = vec4(counted), divisor = max(count, vec4(1)), mean = sum / divisor;
  for (uint k = 0u; k < kHeld; ++k) {
    const vec4 distance = mix(vec4(0), numbers[k] - mean, valid[k]);
    square += distance * distance;
  }
  return Moments(mean, square / divisor, count);
}

REDUCE_TYPE lane(Moments m, int i) { return vec4(m.mean[i], m.variance[i], m.count[i], 0); }

void main() {
  for (uint i = FIRST_SPAN; i < section.channels * section.pieces; i += SPAN_STRIDE) {
    const Span span = span_at(section, i);
    Moments all = Moments(vec4(0), vec4(0), vec4(0));
    for (Cursor cursor = cursor_at(section, span); cursor.unit < span.end;) all = join(all, moments_of(span, cursor));
    REDUCE_TYPE value = combine(combine(lane(all, 0), lane(all, 1)), combine(lane(all, 2), lane(all, 3)));
    if (!COLUMNS) value = reduce_workgroup(value);
    if (COLUMNS || gl_LocalInvocationIndex == 0u) partial[span.result] = value;
  }
}
