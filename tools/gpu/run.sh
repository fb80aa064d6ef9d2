#!/bin/sh
# Compiles what tools/gpu/pack.py has packed against the LibTorch of this machine, and runs it on its GPU: the
# conformance suite, the training tests, the benchmarks. Needs g++ 12 or newer, ninja and a LibTorch with CUDA: the
# folder LIBTORCH_HOME, or the `torch` of python3, 2.6 or newer. CUDA's headers are those in CUDA_HOME, in
# /usr/local/cuda, or beside torch.
#
#   ./run.sh              # all of it
#   ./run.sh --build      # compiles only
#   ./run.sh --sanitize   # the conformance suite under compute-sanitizer, too (slow)
#
# Ends with a line "N passed, N failed" and the exit status 1 if something failed. Without a usable GPU the tests skip
# CUDA and say so, and that counts as failed here. Results are in results/: output of each program, cuda/bench.md
# and bench.json, vulkan/the same.
set -eu
cd "$(dirname "$0")"

only_build=
sanitize=
for argument in "$@"; do
  case $argument in
    --build) only_build=yes ;;
    --sanitize) sanitize=yes ;;
    *)
      echo "run.sh: $argument is not known: --build or --sanitize is expected" >&2
      exit 2
      ;;
  esac
done

torch=${LIBTORCH_HOME:-$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))' 2> /dev/null || true)}
if [ ! -e "$torch/include/torch/script.h" ]; then
  echo "run.sh: there is no LibTorch: set LIBTORCH_HOME to a folder with include/ and lib/, or install torch for python3" >&2
  exit 2
fi
if grep -qs "_GLIBCXX_USE_CXX11_ABI=0" "$torch/share/cmake/Torch/TorchConfig.cmake"; then
  echo "run.sh: $torch has the C++ ABI of before C++11: torch 2.6 or newer is needed" >&2
  exit 2
fi
flags="-isystem $torch/include -isystem $torch/include/torch/csrc/api/include"
libraries="-L$torch/lib -Wl,-rpath,$torch/lib -Wl,--allow-shlib-undefined -ltorch -ltorch_cpu -lc10"
if [ -e "$torch/lib/libtorch_cuda.so" ]; then
  cuda=
  for folder in "${CUDA_HOME:-/nowhere}/include" /usr/local/cuda/include "$torch/../nvidia/cu13/include" \
    "$torch/../nvidia/cuda_runtime/include"; do
    if [ -e "$folder/cuda_runtime_api.h" ]; then
      cuda=$folder
      break
    fi
  done
  if [ -z "$cuda" ]; then
    echo "run.sh: there is no cuda_runtime_api.h in CUDA_HOME/include, /usr/local/cuda/include or beside $torch" >&2
    exit 2
  fi
  flags="$flags -isystem $cuda"
  libraries="$libraries -Wl,--no-as-needed -ltorch_cuda -lc10_cuda"
else
  echo "run.sh: $torch has no CUDA (lib/libtorch_cuda.so)" >&2
  exit 2
fi
cat > torch.ninja << END
cxx = ${CXX:-g++}
torch_flags = $flags
torch_libraries = $libraries
END
ninja
[ -z "$only_build" ] || exit 0

mkdir -p results
passed=0
failed=0
# run NAME COMMAND...: what it prints goes to results/NAME.txt.
run() {
  name=$1
  shift
  if "$@" > "results/$name.txt" 2>&1; then
    verdict=passed
    # A test that skipped CUDA has shown nothing.
    if grep -q "SKIPPED\|skipped" "results/$name.txt" && grep -qi "skip.*cuda\|cuda.*skip\|no CUDA" "results/$name.txt"; then
      verdict="failed: CUDA was skipped"
    fi
  else
    verdict="failed with status $?"
  fi
  case $verdict in
    passed) passed=$((passed + 1)) ;;
    *) failed=$((failed + 1)) ;;
  esac
  echo "$name: $verdict"
}

for program in bin/*_test; do
  run "$(basename "$program")" "$program"
done
if [ -n "$sanitize" ] && [ -x bin/conformance_test ]; then
  run conformance_sanitized compute-sanitizer --error-exitcode=9 bin/conformance_test
fi
if [ -x bin/bench ]; then
  # Apart, so that a machine without Vulkan measures CUDA all the same.
  for backend in cuda vulkan; do
    mkdir -p "results/$backend"
    run "bench_$backend" bin/bench --backends="$backend" --sizes_kib=4096,65536,1048576 --output_dir="results/$backend"
  done
fi
if [ -x bin/device_step_benchmark ]; then
  run device_step bin/device_step_benchmark --device=cuda --batch_size=1024
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
