#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench: one table of what wick costs, beside its peers where those are installed (Debian's bpftrace
# and linux-perf). bench.sh DIR BENCH-UNWIND. A goal that is missed is marked.
set -u
# shellcheck source=tests/bench/row.sh
. "${0%/*}/row.sh"
here=${0%/*}

row "" wick peer ratio goal
"$here/bpf_cost.sh" "$1"
echo "Unwind tables of every ELF file in /usr/bin and /usr/lib, one core"
"$2" | awk -F '  +' '{ print $1 "\t" $2 }' | {
    while IFS=$'\t' read -r what figure; do
        case $what in
        "rows raw / merged") row "  rows, raw / merged" "$figure" - - - ;;
        "raw rows a second") row "  raw rows a second" "$figure" - - "≥ 10 M" ;;
        "bytes a row") row "  bytes of kernel memory a row" "$figure" - - "≤ 4.5" ;;
        esac
    done
}
"$here/start_cost.sh" "$1"
