#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What one sample costs in the kernel: bpf_cost.sh [-r ROUNDS] [-c CPU] [-d "DEPTHS"] [-f "RATES"] DIR
#
# DIR holds `turns`, and `stacks` and `stacks-fp`, which are stacks.c without and with frame pointers.
# Compared are
#   rows     wick on `stacks`: user stacks by unwind rows
#   bpftrace profile:hz:N { @[ustack(127)] = count(); } on `stacks-fp`: the kernel's own walk by frame
#            pointers
# each of them kept to its program, so that what else runs on the machine does not count.
# All of them run at once and take turns (turns.c): in each, one of them samples one CPU, on which its
# program sits with real-time priority, so that nearly every tick takes its stack. The others are priced
# by turns whose filter nothing passes, and their time is subtracted:
#   ns a sample = (run_time - ticks without a stack × price of those) / ticks with a stack
# Both numbers are the kernel's own (kernel.bpf_stats_enabled, put back at the end). Printed are the
# medians over the rounds, of the costs and of each round's ratio. A stack of wick's counts as whole when
# it ends in _start and is at least as deep as the program was told to be.
set -u
# shellcheck source=tests/bench/row.sh
. "${0%/*}/row.sh"
rounds=5 cpu=1 depths="8 32 128" rates="997 99"
while getopts r:c:d:f: opt; do
    case $opt in
    r) rounds=$OPTARG ;;
    c) cpu=$OPTARG ;;
    d) depths=$OPTARG ;;
    f) rates=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
dir=${1:?the folder with the programs}
wick=${WICK:-build/wick}

skip() { echo "BPF time a sample: not measured, $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ "$(nproc)" -ge 2 ] || skip "needs a CPU for the program and one for the profilers"
has_bpftrace=
command -v bpftrace >/dev/null && has_bpftrace=1
others=0-$((cpu - 1))
[ "$cpu" = 0 ] && others=1
ulimit -l unlimited 2>/dev/null

tmp=$(mktemp -d)
stats=$(sysctl -n kernel.bpf_stats_enabled)
wicks=() running=() pairs=() names=()
cleanup() {
    [ ${#running[@]} = 0 ] || kill -KILL "${running[@]}" 2>/dev/null
    sysctl -q kernel.bpf_stats_enabled="$stats"
    rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
sysctl -q kernel.bpf_stats_enabled=1

# start_program NAME DEPTH → $program, stopped deep in its stack
start_program() {
    chrt -f 50 taskset -c "$cpu" "$dir/$1" "$2" 36000 >/dev/null &
    program=$!
    running+=("$program")
    sleep 0.3
    kill -STOP "$program"
}

# Lets the profiler that was just started, called $2, see program $1 for long enough to have its tables.
add_turn() {
    sleep 1
    kill -CONT "$1"
    sleep 1
    kill -STOP "$1"
    pairs+=("$profiler:$1")
    names+=("$2")
}

add_wick() { # HZ PROGRAM NAME TARGET
    taskset -c "$others" "$wick" record -C "$cpu" -F "$1" -p "$4" -o "$tmp/$3.folded" 2>"$tmp/$3.log" &
    profiler=$!
    wicks+=("$profiler")
    running+=("$profiler")
    add_turn "$2" "$3"
}

add_bpftrace() { # HZ PROGRAM NAME TARGET
    [ -n "$has_bpftrace" ] || return
    taskset -c "$others" bpftrace -e "profile:hz:$1 /pid == $4/ { @[ustack(127)] = count(); }" \
        >/dev/null 2>&1 &
    profiler=$!
    running+=("$profiler")
    add_turn "$2" "$3"
}

# Share of wick's samples of the program at depth $1 that are whole stacks.
whole() {
    awk -v depth="$1" '!/^stacks;/ || /information not loaded yet/ { next }
        { n = $NF; sub(/ [0-9]+$/, ""); all += n
        if (/;_start;/ && split($0, f, ";") >= depth + 2) good += n }
        END { printf "%.1f %%\n", all ? 100 * good / all : 0 }' "$tmp/rows-$1.folded"
}

# From the turns, "NAME NS" and "NAME NS RATIO" of each round.
costs() {
    awk -v names="${names[*]}" '
        BEGIN { n = split(names, name, " ") }
        { ns[$1, $2] = $3; runs[$1, $2] = $4; share[$1, $2] = $5 < 1 ? $5 : 1; rounds = $1 + 1 }
        END {
            for (r = 0; r < rounds; r++) {
                delete cost
                for (i = 0; i < n; i++) {
                    split(name[i + 1], word, "-")
                    with = runs[r, i] * share[r, i]
                    cost[name[i + 1]] = word[2] == "none" ? ns[r, i] / (runs[r, i] + 1e-9) : \
                        (ns[r, i] - (runs[r, i] - with) * cost[word[1] "-none"]) / (with + 1e-9)
                }
                for (c in cost) {
                    split(c, word, "-")
                    peer = cost["bpftrace-" word[2]]
                    print c, cost[c], peer ? cost[c] / peer : 0
                }
            }
        }' "$tmp/turns"
}

print_rows() { # HZ
    local depth ratio peer
    declare -A goal=([8]="≤ 1.2" [32]="≤ 1.0" [128]="≤ 1.1")
    costs >"$tmp/costs"
    value() { awk -v name="$1" -v i="$2" '$1 == name { print $i }' "$tmp/costs" | median; }
    for depth in $depths none; do
        peer="bpftrace missing" ratio=-
        if [ -n "$has_bpftrace" ]; then
            peer="bpftrace $(printf %.0f "$(value "bpftrace-$depth" 2)") ns"
            ratio=$(printf %.2f "$(value "rows-$depth" 3)")
        fi
        if [ "$depth" = none ]; then
            row "  $1 Hz, tick that is filtered" "$(printf %.0f "$(value rows-none 2)") ns" "$peer" - -
        else
            row "  $1 Hz, $depth frames, $(whole "$depth") whole" \
                "$(printf %.0f "$(value "rows-$depth" 2)") ns" "$peer" "$ratio" "${goal[$depth]:--}"
        fi
    done
}

measure() { # HZ
    local ms=1000 depth pid
    [ "$1" -lt 500 ] && ms=2000
    wicks=() running=() pairs=() names=()
    sleep 36000 &
    nobody=$!
    running+=("$nobody")
    start_program stacks 32
    add_wick "$1" "$program" rows-none "$nobody"
    add_bpftrace "$1" "$program" bpftrace-none "$nobody"
    for depth in $depths; do
        start_program stacks "$depth"
        add_wick "$1" "$program" "rows-$depth" "$program"
        start_program stacks-fp "$depth"
        add_bpftrace "$1" "$program" "bpftrace-$depth" "$program"
    done
    taskset -c "$others" "$dir/turns" "$ms" "$rounds" "$cpu" "${pairs[@]}" >"$tmp/turns" || exit 1
    kill -INT "${wicks[@]}"
    for pid in "${wicks[@]}"; do
        wait "$pid" || { cat "$tmp"/*.log; exit 1; }
    done
    kill -KILL "${running[@]}" 2>/dev/null
    wait 2>/dev/null
    running=()
    print_rows "$1"
}

echo "BPF time a sample (wick by unwind rows, bpftrace by frame pointers)"
for hz in $rates; do
    measure "$hz"
done
