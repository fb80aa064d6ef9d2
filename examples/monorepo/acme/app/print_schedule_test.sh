#!/bin/sh
# The program's table, and that nothing of LibTorch went into it: $1 the program, $2 the targets that it is built of.
set -eu

expected='0 0.0000
1 0.5000
2 1.0000'
actual=$("./$1" '{"ramp_epochs": 2}')
[ "$actual" = "$expected" ] || { echo "expected: $expected"; echo "printed: $actual"; exit 1; }

if "./$1" '{"ramp_epoch": 2}' 2> "$TEST_TMPDIR/error"; then echo "a misspelled key was taken"; exit 1; fi
grep -q 'did you mean "ramp_epochs"' "$TEST_TMPDIR/error"

grep -q 'schedulers:registry' "$2" || { echo "the list of targets has no schedules: $(cat "$2")"; exit 1; }
if grep -i libtorch "$2"; then echo "LibTorch went into it"; exit 1; fi
