# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# --comm, --uid, --container: what is there and what comes while wick records; -p with its children.
later() { # COMMAND: once wick samples
    (until_true "grep -q 'wick: sampling' err" && sh -c "$1" >/dev/null) &
}
id=5e1f0000aaaa1111bbbb2222cccc3333dddd4444eeee5555ffff666600007777
/w/threads 60 1 >/dev/null &
rm -f err

later 'exec /w/split 20'
record --comm '^split$' -F 199 --duration 3
expect 'a program of that name is there' "$(within split split_turn) > 5"
expect 'nothing else is' "$(counted recorded) == $(samples split)"
expect 'something else was running' "$(counted filtered) > 5"
rm -f err

setuidgid=$(busybox --list | grep -x -e setuidgid -e su | head -n1)
echo 'other:x:1234:1234::/:/bin/sh' >>/etc/passwd
[ "$setuidgid" = setuidgid ] && later 'exec setuidgid other /w/syscalls 20'
[ "$setuidgid" = su ] && later 'exec su -s /bin/sh other -c "/w/syscalls 20"'
record --uid 1234 -F 199 --duration 3
expect 'a program of that user is there' "$(within syscalls ask_often) > 5"
expect 'others are not' "$(samples threads) + $(samples split) == 0"
rm -f err

later "mkdir -p /sys/fs/cgroup/docker/$id; sleep 0.2; echo 0 >/sys/fs/cgroup/docker/$id/cgroup.procs; exec /w/storm 20 1"
record --container 5e1f0000 -F 199 --duration 3
expect 'a program of the container is there' "$(samples storm) > 5"
expect 'others are not' "$(samples threads) + $(samples split) == 0"
rm -f err

rm -f begin
# Its alarm ends it.
sh -c 'until [ -e begin ]; do sleep 0.1; done; /w/faults 500 1000000; :' >/dev/null &
parent=$!
later 'touch begin'
record -p $parent -F 199 --duration 4
expect 'a child of the process is there' "$(samples faults) > 5"
expect 'others are not' "$(samples threads) + $(samples split) == 0"
