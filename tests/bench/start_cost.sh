#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How soon profilers sample and what memory they take: start_cost.sh [-r ROUNDS] DIR
#
# DIR holds `stacks` and `firsts`, which watches a profiler from outside and says what it means by the
# figures. A program runs beside the profilers, so that a CPU is never idle. perf has no BPF programs:
# its first sample is known by the time it notes with it. Printed are medians over the rounds.
set -u
# shellcheck source=tests/bench/row.sh
. "${0%/*}/row.sh"
rounds=5
while getopts r: opt; do
    case $opt in
    r) rounds=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
dir=${1:?the folder with the programs}
wick=${WICK:-build/wick}
[ "$(id -u)" = 0 ] || { echo "start and memory: not measured, needs root"; exit 77; }
ulimit -l unlimited 2>/dev/null

tmp=$(mktemp -d)
stats=$(sysctl -n kernel.bpf_stats_enabled)
"$dir/stacks" 32 36000 >/dev/null &
program=$!
trap 'kill $program; sysctl -q kernel.bpf_stats_enabled="$stats"; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
sysctl -q kernel.bpf_stats_enabled=1

has_bpftrace=$(command -v bpftrace) has_perf=$(command -v perf)
for ((i = 0; i < rounds; i++)); do
    "$dir/firsts" -p "$program" 3 "$wick" record -a -o "$tmp/a.folded" >>"$tmp/wick"
    "$dir/firsts" -x stacks 2 "$wick" record -o "$tmp/b.folded" -- "$dir/stacks" 32 3 >>"$tmp/child"
    [ -n "$has_bpftrace" ] && "$dir/firsts" 3 bpftrace -e \
        'profile:hz:99 { @[ustack(127)] = count(); }' >>"$tmp/bpftrace"
    if [ -n "$has_perf" ]; then
        "$dir/firsts" 2 perf record -k mono -a -F 99 -g -o "$tmp/perf.data" >"$tmp/one"
        perf script -i "$tmp/perf.data" -F time --ns >"$tmp/times" 2>/dev/null
        awk 'FNR == NR { if ($1 == "start") start = $2; else print; next }
            NF == 1 { sub(/:/, ""); print "tick", $1 - start; exit }' "$tmp/one" "$tmp/times" >>"$tmp/perf"
    fi
done

# of FILE WORD [SCALE]
of() { awk -v w="$2" '$1 == w { print $2 }' "$tmp/$1" | median | awk -v by="${3:-1}" '{ printf "%.3g\n", $1 / by }'; }

# compare WHAT WORD SCALE UNIT GOAL-OR-- PEER…
compare() {
    local what=$1 word=$2 scale=$3 unit=$4 goal=$5 peer mine its
    shift 5
    mine=$(of wick "$word" "$scale")
    row "$what" "$mine $unit" - - "$goal"
    for peer; do
        if [ -s "$tmp/$peer" ]; then
            its=$(of "$peer" "$word" "$scale")
            row "" "" "$peer $its $unit" \
                "$(awk -v a="$mine" -v b="$its" 'BEGIN { printf "%.2f", a / b }')" -
        else
            row "" "" "$peer missing" - -
        fi
    done
}

echo "Start and memory (whole machine, 99 Hz; $(nproc) CPUs)"
compare "  exec to first sample" tick 1 s "≤ 0.3" bpftrace perf
row "  … to a running program's tables ready" "$(of wick tables) s" - - -
row "  exec of a command to its tables ready" "$(of child tables) s" - - -
compare "  memory of all BPF maps" maps 1e6 MB - bpftrace
compare "  peak resident memory, maps it sees included" peak 1e6 MB - bpftrace perf
