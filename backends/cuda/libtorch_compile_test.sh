#!/bin/sh
# Compiles what only a LibTorch with CUDA can link: against the headers that a LibTorch without CUDA has all the same,
# and CUDA's own. Skipped, and it says so, where one of them is missing.
set -eu

skip() {
  # In GoogleTest's words, so that it is counted.
  echo "libtorch_compile_test.sh:1: Skipped"
  echo "$1: LibTorch's streams are not compiled"
  echo "[  SKIPPED ] Libtorch.StreamsCompile (0 ms)"
  exit 0
}

cuda=
for folder in "${CUDA_HOME:-/nowhere}/include" /usr/local/cuda/include; do
  if [ -e "$folder/cuda_runtime_api.h" ]; then
    cuda=$folder
    break
  fi
done
[ -n "$cuda" ] || skip "there is no cuda_runtime_api.h in CUDA_HOME/include or /usr/local/cuda/include"
torch=${LIBTORCH_HOME:+$LIBTORCH_HOME/include}
torch=${torch:-/usr/include}
# The system's own folder stays where it is in the compiler's search: it must not come before the standard library.
flags="-isystem $torch/torch/csrc/api/include"
[ "$torch" = /usr/include ] || flags="$flags -isystem $torch"
[ -e "$torch/c10/cuda/CUDAStream.h" ] || skip "there is no c10/cuda/CUDAStream.h in $torch"

# What a LibTorch with CUDA was built with; one without has no such header.
made=${TEST_TMPDIR:-/tmp}/made
mkdir -p "$made/c10/cuda/impl"
[ -e "$torch/c10/cuda/impl/cuda_cmake_macros.h" ] ||
  echo "#define C10_CUDA_BUILD_SHARED_LIBS" > "$made/c10/cuda/impl/cuda_cmake_macros.h"
for source in libtorch_streams libtorch_registration; do
  # shellcheck disable=SC2086  # Several words.
  "${CXX:-g++}" -std=c++20 -fsyntax-only -I. -I"$made" $flags -isystem "$cuda" -Wall -Wextra -Wno-unused-parameter \
    "backends/cuda/$source.cc"
  echo "$source.cc compiles"
done
