#!/bin/sh
# Runs one fuzz target:  spec/c/fuzz.sh fuzz_pdu 30
# First over what it found before, then for so many seconds, from SEED (1, so that two runs of one build judge alike;
# 0: another each time).  A finding stays in spec/regression/fuzz/<target>.
target=$1
seconds=$2
known=spec/regression/fuzz/$target
corpus=build/fuzz/corpus/$target
mkdir -p "$known" "$corpus"
find "$known" -type f -print0 | xargs -0 -r "build/fuzz/$target" -verbosity=0 -timeout=10 || exit 1
"build/fuzz/$target" -max_total_time="$seconds" -seed="${SEED:-1}" -verbosity=0 -max_len=4096 -timeout=10 -report_slow_units=1000 \
  -artifact_prefix="$known/" "$corpus" build/fuzz/seeds "$known"
code=$?
rmdir -p "$known" 2>/dev/null
exit $code
