# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A machine that has cgroups of version 1 alone, as Docker used them: samples know their container,
# --container chooses by it, and --cgroup says that it cannot.
id=5e1f0000aaaa1111bbbb2222cccc3333dddd4444eeee5555ffff666600007777
top=/sys/fs/cgroup
restore() {
    for member in $members; do
        kill "$member" 2>/dev/null || true
    done
    wait
    for hierarchy in cpu systemd; do
        rmdir $top/$hierarchy/docker/$id $top/$hierarchy/docker || true
        umount $top/$hierarchy || true
    done
    umount $top || true
    mount -t cgroup2 none $top
}
members=
umount $top
trap restore EXIT
mount -t tmpfs none $top
mkdir $top/cpu $top/systemd
mount -t cgroup -o none,name=systemd none $top/systemd || skip 'the kernel has no cgroups of version 1'
mount -t cgroup -o cpu none $top/cpu || note 'without the hierarchy of a controller'
for hierarchy in cpu systemd; do
    mkdir -p $top/$hierarchy/docker/$id
done
(
    for hierarchy in "$top"/*/docker/"$id"; do
        sh -c 'echo $PPID >$0/cgroup.procs' "$hierarchy"
    done
    exec /w/split 60 >/dev/null
) &
members=$!
/w/threads 60 1 >/dev/null &
members="$members $!"
until_true "grep -q split /proc/${members%% *}/comm"

wick record -a -v -F 199 --duration 3 -o p.pb.gz >out 2>err || fail_with 'wick record'
wick convert --by container_id p.pb.gz -o p.folded
label="container_id: $id"
expect 'samples of the container say so' "$(sum split 'f[2] == a' "$label") > 5"
expect 'all of them do' "$(sum split 'f[2] == a' "$label") == $(samples split)"
expect 'others do not' "$(sum threads 'f[2] == a' "$label") == 0 && $(samples threads) > 5"

record --container 5e1f0000 -F 199 --duration 3
expect 'the container is recorded' "$(within split split_turn) > 5"
expect 'nothing else is' "$(counted recorded) == $(samples split)"
expect 'something else was running' "$(counted filtered) > 5"

for group in $top/systemd/docker/$id docker/$id; do
    if wick record --cgroup "$group" -F 199 --duration 1 -o p.folded >out 2>err; then
        fail "wick filters by $group"
    fi
    grep -q -e '--container' err || fail_with 'wick does not say what to do'
done
