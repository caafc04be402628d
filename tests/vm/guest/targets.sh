# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# -p and -t: a process that runs already, one thread of two of another, and nothing else.
/w/split 20 >/dev/null &
/w/threads 20 2 >said &
until_true "grep -q '^tid-2 ' said"
/w/syscalls 20 >/dev/null &
record -p "$!" -t "$(said tid-2 said)" -F 199 --duration 1.5
threads=$(samples threads)
expect 'the process is there' "$(within syscalls ask_often) > 5"
expect 'the thread is there' "$threads > 5"
expect 'nothing else is' "$(counted recorded) == $(samples syscalls) + $threads"
expect 'its other thread is not' "$(counted filtered) > 0.5 * $threads"
