// shaders/element_at.glsl: one element of the tensor x, wherever it begins. After READS(..., x).

float element_at(uint i) {
#if defined(ELEMENT_F32)
  return x[i / 4u][i % 4u];
#else
  const uint bits = (x[i / 4u][i / 2u % 2u] >> (i % 2u * 16u)) & 0xffffu;
#if defined(ELEMENT_F16)
  return half_value(uvec4(bits)).x;
#else
  return bfloat_value(uvec4(bits)).x;
#endif
#endif
}
