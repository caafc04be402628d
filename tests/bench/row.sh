# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The table that `make bench` prints; sourced by the scripts that fill it.

# row WHAT WICK PEER RATIO GOAL: one line. GOAL is "≤ N" or "≥ N", of the ratio where there is one,
# else of the figure, and is marked where it is missed; "-" for what there is none of.
row() {
    local figure=$4 missed=
    [ "$figure" = - ] && figure=${2%% *}
    case $5 in
    ≤*) awk -v a="$figure" -v b="${5#≤ }" 'BEGIN { exit !(a + 0 > b + 0) }' && missed=" missed" ;;
    ≥*) awk -v a="$figure" -v b="${5#≥ }" 'BEGIN { exit !(a + 0 < b + 0) }' && missed=" missed" ;;
    esac
    printf '%-50s %14s  %-24s %6s  %s\n' "$1" "$2" "$3" "$4" "$5$missed"
}

# The median of the numbers on standard input.
median() {
    sort -g | awk '{ a[NR] = $1 }
        END { print NR % 2 ? a[(NR + 1) / 2] : NR ? (a[NR / 2] + a[NR / 2 + 1]) / 2 : 0 }'
}
