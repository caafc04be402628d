#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What one sample costs in the kernel:
#
#   bpf_cost.sh [-s STARTS] [-r ROUNDS] [-c CPU] [-d "DEPTHS"] [-f "RATES"] DIR
#
# DIR holds `turns`, and `stacks` and `stacks-fp`, which are stacks.c without and with frame pointers.
# Compared are
#   rows     wick on `stacks`: user stacks by unwind rows
#   bpftrace profile:hz:N { @[ustack(127)] = count(); } on `stacks-fp`: the kernel's own walk by frame
#            pointers
# each of them kept to its program, so that what else runs on the machine does not count. One start can be
# a third dearer than the next, most of all by where the kernel puts the program's stack, so both are
# started STARTS times, in turn, each with a program of its own.
# All of them run at once and take turns in an order that changes (turns.c): in each, one of them samples
# one CPU, on which its program sits with real-time priority, so that nearly every tick takes its stack.
# One more of each is priced by turns whose filter nothing passes, and the time of such ticks subtracted:
#   ns a sample = (run_time - ticks without a stack × price of those) / ticks with a stack
# Both numbers are the kernel's own (kernel.bpf_stats_enabled, put back at the end). The cost of a start is
# the median over its rounds; printed are the median over the starts, the ratio of the two medians, and
# the cheapest and the dearest start. A stack of wick's counts as whole when it ends in _start. Some are not as
# deep as the program was told to be: now and then it leaves its stack and builds another one.
set -u
# shellcheck source=tests/bench/row.sh
. "${0%/*}/row.sh"
starts=7 rounds=3 cpu=1 depths="8 32 128" rates="997 99"
while getopts s:r:c:d:f: opt; do
    case $opt in
    s) starts=$OPTARG ;;
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
    sleep 0.2
    kill -STOP "$program"
}

# add_turn NAME: of the profiler that was just started, beside $program
add_turn() {
    running+=("$profiler")
    pairs+=("$profiler:$program")
    names+=("$1")
}

add_wick() { # HZ NAME TARGET
    taskset -c "$others" "$wick" record -C "$cpu" -F "$1" -p "$3" -o "$tmp/$2.folded" 2>"$tmp/$2.log" &
    profiler=$!
    wicks+=("$profiler")
    add_turn "$2"
}

add_bpftrace() { # HZ NAME TARGET
    taskset -c "$others" bpftrace -e "profile:hz:$1 /pid == $3/ { @[ustack(127)] = count(); }" \
        >"$tmp/$2.log" 2>&1 &
    profiler=$!
    add_turn "$2"
}

# Starts $starts of each, at $1 Hz over programs $2 frames deep, and one of each that passes nothing.
start_all() {
    local i
    sleep 36000 &
    nobody=$!
    running+=("$nobody")
    start_program stacks "$2"
    add_wick "$1" rows-none "$nobody"
    [ -z "$has_bpftrace" ] || add_bpftrace "$1" bpftrace-none "$nobody"
    for ((i = 0; i < starts; i++)); do
        start_program stacks "$2"
        add_wick "$1" "rows-$i" "$program"
        [ -n "$has_bpftrace" ] || continue
        start_program stacks-fp "$2"
        add_bpftrace "$1" "bpftrace-$i" "$program"
    done
    sleep $((2 + starts / 2)) # bpftrace takes its time
}

# Lets each profiler see its program for long enough to have its tables.
show_programs() {
    local pair
    for pair in "${pairs[@]}"; do
        kill -CONT "${pair#*:}"
        sleep 0.3
        kill -STOP "${pair#*:}"
    done
}

# Shares of wick's samples of the program at depth $1 that are whole stacks, and that are of that depth.
whole() {
    cat "$tmp"/rows-[0-9]*.folded | awk -v depth="$1" '!/^stacks;/ || /information not loaded/ { next }
        { n = $NF; sub(/ [0-9]+$/, ""); all += n
        if (/;_start;/) whole += n
        if (split($0, f, ";") >= depth + 2) deep += n }
        END { if (!all) all = 1; printf "%.1f %% whole, %.0f %% so deep\n", 100 * whole / all, 100 * deep / all }'
}

# From the turns, a line "NAME NS" a round and start, NAME "rows-0", "bpftrace-none", …
costs() {
    awk -v names="${names[*]}" '
        BEGIN { n = split(names, name, " ") }
        { ns[$1, $2] = $3; runs[$1, $2] = $4; share[$1, $2] = $5 < 1 ? $5 : 1; rounds = $1 + 1 }
        END {
            for (r = 0; r < rounds; r++) {
                for (i = 0; i < n; i++) {
                    split(name[i + 1], word, "-")
                    with = runs[r, i] * share[r, i]
                    if (word[2] == "none") # the first two
                        cost = none[word[1]] = ns[r, i] / (runs[r, i] + 1e-9)
                    else
                        cost = (ns[r, i] - (runs[r, i] - with) * none[word[1]]) / (with + 1e-9)
                    print name[i + 1], cost
                }
            }
        }' "$tmp/turns" >"$tmp/costs"
}

# starts_of WHO: the cost of each start, cheapest first
starts_of() {
    local i
    for ((i = 0; i < starts; i++)); do
        awk -v name="$1-$i" '$1 == name { print $2 }' "$tmp/costs" | median
    done | sort -g
}

# Of the costs of starts: the ends of their range
range() { awk 'NR == 1 { low = $1 } { high = $1 } END { printf "%.0f to %.0f", low, high }'; }

print_filtered() { # HZ
    local peer="bpftrace missing" ratio=- ns
    ns=$(awk '$1 == "rows-none" { print $2 }' "$tmp/filtered" | median)
    if [ -n "$has_bpftrace" ]; then
        peer=$(awk '$1 == "bpftrace-none" { print $2 }' "$tmp/filtered" | median)
        ratio=$(awk -v a="$ns" -v b="$peer" 'BEGIN { printf "%.2f", a / b }')
        peer="bpftrace $(printf %.0f "$peer") ns"
    fi
    row "  $1 Hz, tick that is filtered" "$(printf %.0f "$ns") ns" "$peer" "$ratio" -
}

print_depth() { # HZ DEPTH
    local ratio=- peer="bpftrace missing" ns spread
    declare -A goal=([8]="≤ 1.2" [32]="≤ 1.0" [128]="≤ 1.1")
    ns=$(starts_of rows | median)
    spread="$starts starts: $(starts_of rows | range)"
    if [ -n "$has_bpftrace" ]; then
        peer=$(starts_of bpftrace | median)
        ratio=$(awk -v a="$ns" -v b="$peer" 'BEGIN { printf "%.2f", a / b }')
        peer="bpftrace $(printf %.0f "$peer") ns"
        spread="$spread, bpftrace $(starts_of bpftrace | range)"
    fi
    row "  $1 Hz, $2 frames, $(whole "$2")" "$(printf %.0f "$ns") ns" "$peer" "$ratio" "${goal[$2]:--}"
    echo "    $spread"
}

measure() { # HZ DEPTH
    local ms=300 pid
    [ "$1" -lt 500 ] && ms=1000
    wicks=() running=() pairs=() names=()
    start_all "$1" "$2"
    show_programs
    taskset -c "$others" "$dir/turns" "$ms" "$rounds" "$cpu" "${pairs[@]}" >"$tmp/turns" || exit 1
    kill -INT "${wicks[@]}"
    for pid in "${wicks[@]}"; do
        wait "$pid" || { cat "$tmp"/*.log; exit 1; }
    done
    kill -KILL "${running[@]}" 2>/dev/null
    wait 2>/dev/null
    running=()
    costs
    grep none "$tmp/costs" >>"$tmp/filtered"
    print_depth "$1" "$2"
    rm -f "$tmp"/*.folded "$tmp"/*.log
}

echo "BPF time a sample (wick by unwind rows, bpftrace by frame pointers; medians of $starts starts of each)"
for hz in $rates; do
    : >"$tmp/filtered"
    for depth in $depths; do
        measure "$hz" "$depth"
    done
    print_filtered "$hz"
done
