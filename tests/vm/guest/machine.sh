# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# -a: everything that runs, wherever, and nothing that is idle; kernel stacks on top of the user stacks.
/w/split 20 >/dev/null &
/w/syscalls 20 >/dev/null &
record -a -F 499 --duration 1.5
expect 'split is there' "$(within split split_turn) > 10"
expect 'syscalls is there' "$(within syscalls ask_often) > 10"
expect 'no idle task' "$(sum '' 'f[1] ~ /^swapper/') == 0"
expect 'wick itself is not there' "$(samples wick) == 0"
expect 'system calls' "$(in_kernel syscalls) > 0.02 * $(samples syscalls)"
expect 'that the program made' \
    "$(sum syscalls 'has(a) && has(b)' ask_often 'do_syscall_64_[k]') > 0"
expect 'no user frame is above a kernel frame' "$(sum '' 'kernel_then_user()') == 0"
