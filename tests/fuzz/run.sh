#!/bin/bash
# Searches for inputs that make a parser fail, with LibFuzzer and the address and undefined-behaviour sanitizers.
#
#   tests/fuzz/run.sh idx 3600            # one target, an hour
#   tests/fuzz/run.sh all 300             # each target, five minutes each
#
# Needs clang with compiler-rt (Debian: clang, libclang-rt-14-dev). What is found is written into the folder
# $FUZZ_OUTPUT (default: /tmp/pare_fuzz); copy it to tests/fuzz/corpus/TARGET under a name that says what it did, so that
# the tests keep it.
#
# clang does not compile LibTorch's headers in C++20 (it completes types earlier than g++): the targets over LibTorch, which
# is not instrumented anyway, are compiled by g++ (gcc_coverage.cc) and linked with clang's LibFuzzer.
set -euo pipefail
cd "$(dirname "$0")/../.."
targets=(archive cache cifar config idx image checkpoint torchscript)
over_libtorch=" checkpoint torchscript "
if [ $# -ne 2 ]; then
  echo "usage: $0 TARGET|all SECONDS; targets: ${targets[*]}" >&2
  exit 2
fi
[ "$1" = all ] || targets=("$1")
output="${FUZZ_OUTPUT:-/tmp/pare_fuzz}"
failed=0
for target in "${targets[@]}"; do
  build=(--config=fuzz)
  if [[ $over_libtorch == *" $target "* ]]; then
    build=(--config=fuzz_gcc "--linkopt=$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a")")
  fi
  ./bazelw build "${build[@]}" "//tests/fuzz:${target}_fuzz"
  mkdir -p "$output/$target/found" "$output/$target/corpus"
  ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1 \
    "bazel-bin/tests/fuzz/${target}_fuzz" -max_total_time="$2" -timeout=60 -rss_limit_mb=4096 -malloc_limit_mb=2048 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$output/$target/found/" "$output/$target/corpus" \
    "tests/fuzz/corpus/$target" || { echo "$target FAILED: see $output/$target/found" >&2; failed=1; }
done
exit $failed
