# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A command: its functions have their shares of time, and their callers.
record -F 499 -- /w/split 1.5
n=$(samples split)
enough "$(within split split_turn)" 100
expect 'no more samples than ticks in that time' "$n < 1.2 * 499 * $(said cpu)"
work=$(within split split_turn)
share() { # FUNCTION LOW HIGH: per cent of the work's samples that have it at the user stack's leaf
    own=$(sum split 'user_leaf() == a' "$1")
    expect "$1" "100 * $own / $work > $2 && 100 * $own / $work < $3"
    note "$1 $own of $work"
}
share split_sixty 42 78
share split_thirty 14 46
share split_ten 2 22
# By frame pointers the caller is missed in a function's first two instructions.
expect 'split_ten is called by split_thirty' \
    "$(calls split split_thirty split_ten) >= 0.8 * $(within split split_ten)"
expect 'main is below most of it, since loading takes its time here' "$(within split main) > 0.6 * $n"
