# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# --cgroup: what runs in it or below it, and nothing else.
mkdir -p /sys/fs/cgroup/work/deep /sys/fs/cgroup/more
join() { # CGROUP COMMAND...
    # shellcheck disable=SC2016
    sh -c 'echo 0 >/sys/fs/cgroup/$0/cgroup.procs && exec "$@"' "$@" >/dev/null
}
join work/deep /w/split 20 &
join more /w/syscalls 20 &
/w/threads 20 1 >/dev/null &
sleep 0.5
record --cgroup work --cgroup /sys/fs/cgroup/more -F 199 --duration 1.5
expect 'what runs below the first is there' "$(within split split_turn) > 5"
expect 'what runs in the second is there' "$(within syscalls ask_often) > 5"
expect 'nothing else is' "$(counted recorded) == $(samples split) + $(samples syscalls)"
expect 'something else was running' "$(counted filtered) > 5"
