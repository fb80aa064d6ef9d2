// backends/vulkan/shader.h: a compute shader as glsl_library (bazel/glsl.bzl) embeds it.

#ifndef PARE_BACKENDS_VULKAN_SHADER_H_
#define PARE_BACKENDS_VULKAN_SHADER_H_

#include <cstddef>
#include <cstdint>

namespace pare::backends::vulkan {

// Constants of static storage: the runtime knows a shader by its address. Specialization constant 0 is the local size.
struct Shader {
  const char* name;
  const uint32_t* words;  // SPIR-V for Vulkan 1.1
  size_t size;            // in words
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_SHADER_H_
