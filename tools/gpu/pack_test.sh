#!/bin/sh
# The tests of pack.py, and what run.sh says where it cannot run. Skipped, and it says so, where there is no python3.
set -eu
cd tools/gpu
if ! command -v python3 > /dev/null; then
  # In GoogleTest's words, so that it is counted.
  echo "pack_test.sh:1: Skipped"
  echo "there is no python3"
  echo "[  SKIPPED ] Pack.All (0 ms)"
  exit 0
fi
PYTHONDONTWRITEBYTECODE=1 python3 -m unittest -v pack_test

expect() {
  wanted=$1
  shift
  status=0
  said=$("$@" 2>&1) || status=$?
  if [ "$status" -ne 2 ] || ! echo "$said" | grep -q "$wanted"; then
    echo "expected status 2 and '$wanted', got status $status and: $said"
    exit 1
  fi
}
copy=${TEST_TMPDIR:-/tmp}/run
mkdir -p "$copy/torch/include/torch" "$copy/torch/lib"
cp run.sh "$copy/run.sh"
expect "is not known" sh "$copy/run.sh" --nonsense
expect "there is no LibTorch" env LIBTORCH_HOME=/nowhere sh "$copy/run.sh"
touch "$copy/torch/include/torch/script.h"
expect "has no CUDA" env LIBTORCH_HOME="$copy/torch" sh "$copy/run.sh"
