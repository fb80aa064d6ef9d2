#!/bin/sh
# Compiles every kernel by nvcc to PTX: for float of the oldest architecture that CUDA 13 knows, of Ampere and of Hopper,
# for the types of 16 bits of one of them each. nvcc is the first one in $CUDA_HOME/bin, in PATH or in /usr/local/cuda/bin.
# Skipped, and it says so, where there is none.
set -eu

for nvcc in "${CUDA_HOME:-/nowhere}/bin/nvcc" "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc; do
  [ -x "$nvcc" ] && break
  nvcc=
done
if [ -z "$nvcc" ]; then
  # In GoogleTest's words, so that it is counted.
  echo "ptx_test.sh:1: Skipped"
  echo "there is no nvcc in CUDA_HOME/bin, PATH or /usr/local/cuda/bin: the kernels are not compiled for a GPU"
  echo "[  SKIPPED ] Ptx.EveryKernelCompiles (0 ms)"
  exit 0
fi

kernels=$1
compile() {
  element=$1
  shift
  for architecture in "$@"; do
    set -- "$@" -gencode "arch=compute_$architecture,code=compute_$architecture"
    shift
  done
  "$nvcc" -x cu -std=c++20 --expt-relaxed-constexpr --fmad=false --Werror all-warnings -I. "-DPARE_ELEMENT=$element" \
    "$@" --fatbin -o "${TEST_TMPDIR:-/tmp}/kernels.$element" "$kernels"
  echo "$element: $(wc -c < "${TEST_TMPDIR:-/tmp}/kernels.$element") bytes of PTX"
}
compile float 75 80 90
compile Half 75
compile BFloat16 90
