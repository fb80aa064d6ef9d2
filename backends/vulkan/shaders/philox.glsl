// shaders/philox.glsl: the random numbers of backends/philox.h, 4 elements at a time.

#ifndef PARE_PHILOX_GLSL_
#define PARE_PHILOX_GLSL_

struct RandomStream {
  uvec2 seed, draw;  // the low word first
};

// The words of elements 4 * block to 4 * block + 3.
uvec4 philox_block(RandomStream stream, uvec2 block) {
  uvec4 counter = uvec4(block, stream.draw);
  uvec2 key = stream.seed;
  for (int round = 0; round < 10; ++round) {
    uvec2 high, low;
    umulExtended(uvec2(0xD2511F53u, 0xCD9E8D57u), counter.xz, high, low);
    counter = uvec4(high.y ^ counter.y ^ key.x, low.y, high.x ^ counter.w ^ key.y, low.x);
    key += uvec2(0x9E3779B9u, 0xBB67AE85u);
  }
  return counter;
}

vec4 uniform_number(uvec4 word) {
  precise vec4 fraction = (vec4(word >> 8) + 0.5) * (1.0 / 16777216.0);
  precise vec4 result = fraction * 0.999998;
  result = result + 1e-6;
  return result;
}

#endif  // PARE_PHILOX_GLSL_
