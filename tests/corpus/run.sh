#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records the programs of the corpus and says of each how many samples are right:
#
#   tests/corpus/run.sh [-a] [-k] [-f] [-q] [-F HZ] [-s SECONDS] [WICK [NAMES...]]
#
# WICK (default build/wick) is the program to test, or perf, whose dwarf unwinding stands in, or perf:fp
# for its frame pointers. NAMES are names or patterns ('deep-gcc-*') of programs; all of them without.
# Each runs for 1 second and is sampled 999 times in it, but for -s and -F; what was inlined is left out, for
# it has no frame to unwind. Needs `make corpus`. Counts
# the programs in its last line; ends with 0 when none failed.
#
# -a  records once more what was not right: one sample of a thousand is enough for that, and a busy
#     machine, which keeps wick from its work for a while, brings them
# -k  keeps the profiles beside the programs
# -f  allows the root to be missing (frame pointers only)
# -q  prints no examples
set -u
cd "$(dirname "$0")/../.." || exit 2
dir=${CORPUS:-build/release/corpus} check=${CORPUS_CHECK:-build/release/corpus-check}
freq='' seconds=1 keep='' again='' flags=()
while getopts akfqF:s: c; do
    case $c in
    a) again=1 ;;
    k) keep=1 ;;
    f | q) flags+=("-$c") ;;
    F) freq=$OPTARG ;;
    s) seconds=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
wick=${1:-build/wick}
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# perf 6.1 dies of some BPF programs that others have loaded; --buildid-mmap avoids most of it.
record_perf() { # NAME FOLDED
    local graph=dwarf,65528 try
    [ "$wick" = perf:fp ] && graph=fp
    for try in 1 2 3; do
        if perf record -q --buildid-mmap -F "${freq:-199}" -e cpu-clock --call-graph "$graph" \
            -o "$work/perf.data" "$dir/$1" "$seconds" >"$work/log" 2>&1 &&
            perf script -i "$work/perf.data" --no-inline --max-stack 2000 -F comm,ip,sym,dso \
                >"$work/script" 2>"$work/log"; then
            tests/corpus/perf_fold.py <"$work/script" >"$2"
            return
        fi
        sleep "$try"
    done 2>/dev/null
    return 1
}

record() { # NAME FOLDED
    if [[ $wick == perf* ]]; then
        record_perf "$@"
    else
        "$wick" record --no-inline -F "${freq:-999}" -o "$2" -- "$dir/$1" "$seconds" >"$work/log" 2>&1
    fi
}

wanted() { # NAME PATTERNS...
    local name=$1 p
    shift
    [ $# -gt 0 ] || return 0
    # shellcheck disable=SC2254 # they are patterns
    for p in "$@"; do case $name in $p) return 0 ;; esac done
    return 1
}

# Records a program and says what came of it.
try() { # NAME FOLDED
    if ! record "$1" "$2"; then
        echo "$1: not recorded FAIL"
        tail -n 5 "$work/log"
        return 1
    fi
    "$check" "${flags[@]}" -c "${1:0:15}" -N "$1" "$dir/$1.chain" "$2" | tee -a "$work/all"
    [ "${PIPESTATUS[0]}" -eq 0 ]
}

names=()
for chain in "$dir"/*.chain; do
    name=$(basename "$chain" .chain)
    if wanted "$name" "$@"; then names+=("$name"); fi
done
if [ "$(id -u)" -ne 0 ]; then
    echo "corpus: skipped, profiling needs root"
    echo "0 passed, 0 failed, ${#names[@]} skipped"
    exit 0
fi

passed=0 failed=0 skipped=0
for name in "${names[@]}"; do
    chain=$dir/$name.chain
    if [ -e "$dir/$name.skip" ]; then
        skipped=$((skipped + 1))
        echo "$name: skipped, $(cat "$dir/$name.skip")"
        continue
    fi
    folded=$work/$name.folded
    [ -z "$keep" ] || folded=$dir/$name.folded
    if try "$name" "$folded" || { [ -n "$again" ] && echo "$name: once more" && try "$name" "$folded"; }; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
awk '$2 == "samples" { for (i = 2; i < NF; i++) if ($i ~ /^[(]?[a-z]+$/) n[$i] += $(i + 1) }
    END { printf "total: samples %d exact %d cut %d wrong %d outside %d\n", n["samples"], n["exact"],
        n["cut"], n["wrong"], n["outside"] }' "$work/all"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
