#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs test programs one after another and ends with one line, "N passed, N failed, N skipped".
# A Criterion program is asked for TAP and counted by test; a corpus replay (build/*/replay/fuzz_X), a
# plain program (build/*/conc-ROOM) and a script (*.sh, *.py, or script.sh:ARGUMENT) count as one test
# each: exit 0 passed, 77 skipped, anything else failed. A script that ends with such a line itself counts as what it says there.
# -j1 before the programs runs the tests of each one at a time.
# No program may take longer than TEST_SECONDS (default 900): one that hangs has failed.
set -u
export LSAN_OPTIONS="suppressions=${0%/*}/lsan.supp:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
cd "$(dirname "$0")/.." || exit 1
jobs=() limit=(timeout -k 10 "${TEST_SECONDS:-900}")
passed=0 failed=0 skipped=0
counts='^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'
tap=$(mktemp)
trap 'rm -f "$tap"' EXIT

single() { # NAME COMMAND...
    local name=$1 out rc
    shift
    out=$("${limit[@]}" "$@" 2>&1)
    rc=$?
    if [[ ${out##*$'\n'} =~ $counts ]]; then
        printf '%s\n' "${out%$'\n'*}"
        passed=$((passed + BASH_REMATCH[1])) skipped=$((skipped + BASH_REMATCH[3]))
        failed=$((failed + BASH_REMATCH[2] + (rc != 0 && BASH_REMATCH[2] == 0)))
        return
    fi
    case $rc in
    0)
        passed=$((passed + 1))
        echo "ok   $name"
        grep ': warning: ' <<<"$out" | sed 's/^/    /' ;;
    77) skipped=$((skipped + 1)); echo "skip $name: ${out##*$'\n'}" ;;
    *) failed=$((failed + 1)); echo "FAIL $name (exit $rc)"; printf '%s\n' "$out" | tail -n 40 ;;
    esac
}

criterion() { # PROGRAM
    local rc ok bad skip
    : >"$tap"
    "${limit[@]}" "$1" "${jobs[@]}" --tap="$tap" >"$tap.out" 2>&1
    rc=$?
    skip=$(grep -c '^ok.*# SKIP' "$tap")
    ok=$(($(grep -c '^ok' "$tap") - skip))
    bad=$(grep -c '^not ok' "$tap")
    [ $rc -lt 124 ] || echo "$(basename "$1"): exit $rc$([ $rc -eq 124 ] && echo ', took too long')"
    # A program that died before it reported, or that ran nothing, has failed.
    if [ "$bad" -eq 0 ] && { [ $rc -ne 0 ] || [ $((ok + skip)) -eq 0 ]; }; then
        bad=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    echo "$([ "$bad" -eq 0 ] && echo 'ok  ' || echo FAIL) $(basename "$1"): $ok passed, $bad failed, $skip skipped"
    grep '^ok.*# SKIP' "$tap" | sed 's/^/    /'
    if [ "$bad" -ne 0 ]; then
        grep '^not ok' "$tap" | sed 's/^/    /'
        # What failed, then the end of what it said: a program that died has its reason there.
        grep -E '^\[(----|FAIL|CRASH)\]' "$tap.out" | head -n 200
        grep -v '^\[' "$tap.out" | tail -n 20
    fi
    rm -f "$tap.out"
}

for p in "$@"; do
    case $p in
    -j*) jobs=("$p") ;;
    */replay/fuzz_*)
        name=$(basename "$p")
        single "$name" "$p" "tests/fuzz/corpus/${name#fuzz_}" ;;
    */conc-*) single "$(basename "$p")" "$p" ;;
    *.sh:*)
        name=$(basename "$p")
        single "${name/.sh:/ }" "${p%%:*}" "${p#*:}" ;;
    *.sh | *.py) single "$p" "$p" ;;
    *) criterion "$p" ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
