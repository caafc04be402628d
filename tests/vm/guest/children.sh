# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A command's children are recorded from their first instruction to their last, and nobody else is,
# also where tracefs is not mounted.
umount /sys/kernel/tracing
/w/threads 30 1 >/dev/null &
record -F 199 -- sh -c '/w/split 0.7 & /w/syscalls 0.7 & wait; exec /w/faults 1000 1'
mount -t tracefs none /sys/kernel/tracing
expect 'the first child is there' "$(samples split) > 5"
expect 'the second child is there' "$(samples syscalls) > 5"
expect 'what the shell became is there' "$(samples faults) > 0"
expect 'nobody else is' "$(sum '' 'f[1] ~ /^(threads|busy)/') == 0"
expect 'somebody else was running' "$(counted filtered) > 5"
