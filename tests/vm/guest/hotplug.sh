# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# A CPU that goes offline and comes back while everything is recorded, also when nobody can see it gone: as
# while the machine sleeps.
online=/sys/devices/system/cpu/cpu1/online
[ -w $online ] || skip 'CPU 1 cannot be taken offline here'
wick record -v -a -F 199 -o p.folded >out 2>err &
recorder=$!
until_true "grep -q 'sampling at' err"
sleep 1
echo 0 >$online
sleep 1.2
echo 1 >$online
sleep 1.5
taskset 2 /w/split 0.8 >/dev/null
echo 0 >$online
echo 1 >$online
sleep 2.5
taskset 2 /w/syscalls 0.8 >/dev/null
kill $recorder
wait $recorder || fail_with "exit $? of wick record -a"
account
expect 'what ran on CPU 1 after its return is there' "$(samples split) > 5"
expect 'what ran on it after it was gone for a moment is there' "$(samples syscalls) > 5"
