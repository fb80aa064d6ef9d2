// backends/cuda/source.h: a kernel's source with all that it includes, as cuda_library (bazel/cuda.bzl) embeds it.

#ifndef PARE_BACKENDS_CUDA_SOURCE_H_
#define PARE_BACKENDS_CUDA_SOURCE_H_

#include <string_view>

namespace pare::backends::cuda {

struct Header {
  const char* name;  // as in the #include
  std::string_view text;
};

struct Source {
  const char* name;  // the file's, without its folder
  std::string_view text;
  const Header* headers;
  int header_count;
};

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_SOURCE_H_
