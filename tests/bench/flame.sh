#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench-flame: large profiles through wick and its peers, each a new process over files in the page
# cache: folded stacks to a flame graph, pprof to a table and back to pprof. flame.sh BUILD. Nothing
# asserts. Peers: Debian's libdevel-nytprof-perl (flamegraph.pl), `tests/bench/peers.sh install`
# (inferno), Go (go tool pprof); those that are not here are left out.
#
# RUNS (5) rounds in which the tools take turns; the medians are printed. A tool that takes more than 5
# seconds runs once, and LIMIT (200) seconds at most. ONLY="svg top" are the only tasks: svg html top
# proto.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${1:-build/release}
dir=build/bench-flame runs=${RUNS:-5} limit=${LIMIT:-200}
mkdir -p "$dir" || exit 1
figures=$dir/figures
flamegraph=/usr/share/perl5/Devel/NYTProf/flamegraph.pl
inferno=${WICK_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/wick-peers}/bin/inferno-flamegraph
go=$(command -v go || compgen -G '/usr/local/go/bin/go' || compgen -G '/usr/lib/go*/bin/go')
# The program itself: of `go tool`, only the parent would be measured, and ended at the limit.
peer_pprof=$([ -n "$go" ] && "$go" tool pprof -h >/dev/null 2>&1; [ -n "$go" ] && "$go" tool -n pprof)
folded=$dir/stacks.folded pprof=$dir/samples.pb.gz
: >"$figures"
declare -A enough=()

make_corpus() {
    [ "$folded" -nt "$build/bench/profilegen" ] || "$build/bench/profilegen" folded >"$folded" || exit 1
    [ "$pprof" -nt "$build/bench/profilegen" ] || "$build/bench/profilegen" pprof | gzip >"$pprof" || exit 1
    cat "$folded" "$pprof" >/dev/null
}

command_of() { # TASK TOOL: sets cmd; fails when the tool is not here or has no such task
    case $1:$2 in
    svg:wick) cmd=("$build/wick" flame "$folded" -o - --format svg) ;;
    html:wick) cmd=("$build/wick" flame "$folded" -o - --format html) ;;
    top:wick) cmd=("$build/wick" report --top "$pprof") ;;
    proto:wick) cmd=("$build/wick" convert "$pprof" -o - --format pprof) ;;
    svg:flamegraph.pl) [ -e "$flamegraph" ] && cmd=(perl "$flamegraph" "$folded") ;;
    svg:inferno) [ -x "$inferno" ] && cmd=("$inferno" "$folded") ;;
    top:pprof) [ -x "$peer_pprof" ] && cmd=("$peer_pprof" -symbolize=none -top "$pprof") ;;
    proto:pprof) [ -x "$peer_pprof" ] && cmd=("$peer_pprof" -symbolize=none -proto -output="$dir/out.pb.gz" "$pprof") ;;
    *) return 1 ;;
    esac
}

once() { # TASK TOOL: a line "TASK TOOL wall cpu memory bytes"
    local wall rest
    command_of "$1" "$2" || return
    [ -z "${enough[$1:$2]:-}" ] || return
    "$build/bench/timed" "$limit" "${cmd[@]}" >"$dir/out" 2>"$dir/err" 3>"$dir/timed"
    case $? in
    0) ;;
    124) enough[$1:$2]=1 ;;
    *) echo "failed: $1 by $2: $(tail -n 1 "$dir/err")" >&2; enough[$1:$2]=1; return ;;
    esac
    read -r wall rest <"$dir/timed"
    echo "$1 $2 $wall $rest $(stat -c %s "$dir/out")" >>"$figures"
    awk -v w="$wall" 'BEGIN { exit w <= 5 }' && enough[$1:$2]=1
}

median() { # TASK TOOL COLUMN
    awk -v t="$1" -v p="$2" -v c="$3" '$1 == t && $2 == p { print $c }' "$figures" | sort -g |
        awk '{ a[NR] = $1 } END { if (NR) print a[int((NR + 1) / 2)] }'
}

ratio() { # A B: A / B
    awk -v a="$1" -v b="$2" 'BEGIN { if (a + 0 && b + 0) printf "%.*f×", a / b < 10, a / b; else print "-" }'
}

table() { # TASK WHAT
    local tool wall
    wall=$(median "$1" wick 3)
    [ -n "$wall" ] || return
    echo "$2"
    for tool in wick inferno flamegraph.pl pprof; do
        [ -n "$(median "$1" $tool 3)" ] || continue
        printf '  %-14s %8s s %8s s %8s MB %7s %7s\n' $tool "$(median "$1" $tool 3)" "$(median "$1" $tool 4)" \
            "$(median "$1" $tool 5)" "$(ratio "$(median "$1" $tool 3)" "$wall")" \
            "$(ratio "$(median "$1" $tool 5)" "$(median "$1" wick 5)")"
    done
}

make_corpus
[ -x "$inferno" ] || echo "absent: inferno; 'tests/bench/peers.sh install' brings it" >&2
[ -e "$flamegraph" ] || echo "absent: flamegraph.pl; it is in libdevel-nytprof-perl" >&2
[ -x "$peer_pprof" ] || echo "absent: go tool pprof" >&2
for ((r = 0; r < runs; r++)); do
    for task in ${ONLY:-svg html top proto}; do
        for tool in wick inferno flamegraph.pl pprof; do
            once "$task" "$tool"
        done
    done
done
# A page has no peer that writes one of folded stacks: the SVG's stand in.
for tool in inferno flamegraph.pl; do
    sed -n "s/^svg $tool /html $tool /p" "$figures"
done >"$dir/more"
cat "$dir/more" >>"$figures"
printf '%-16s %10s %10s %11s %7s %7s\n' "" wall CPU memory "× wall" "× mem"
table svg "50 MB of folded stacks to SVG"
table html "The same to a page; the others as above"
table top "pprof of 1 M samples to a table of functions"
table proto "pprof to pprof"
rm -f "$dir/out" "$dir/out.pb.gz" "$dir/more"
