# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# In a PID namespace of its own wick records what runs in it, in namespaces within it too, and never takes
# a process outside for the one inside that has its number.
/w/syscalls 100 >/dev/null &
export stranger=$!
cp /w/syscalls nested
cp /w/split twin
cat >inside <<'END'
. /vm/lib.sh
echo $((stranger - 1)) >/proc/sys/kernel/ns_last_pid || skip 'numbers cannot be chosen'
./twin 60 >/dev/null &
[ $! = "$stranger" ] || fail_with "the number is taken: $! instead of $stranger"

record -p "$stranger" -F 199 --duration 1.5
expect 'the process is there' "$(within twin split_turn) > 10"
expect 'nothing else is' "$(counted recorded) == $(samples twin)"
expect 'the stranger was running' "$(counted filtered) > 5"

record -a -F 199 --duration 1.5
expect 'the process is there' "$(within twin split_turn) > 10"
expect 'the stranger is not' "$(samples syscalls) + $(within '' ask_often) == 0"
expect 'it was running' "$(counted filtered) > 5"
grep -q ' of this PID namespace by ' err || fail_with 'the first line does not say what is recorded'
grep -q 'outside of this PID namespace are left out' err || fail_with 'nobody said who is left out'

record -F 199 -- sh -c '/w/split 0.7 & unshare -p -f --mount-proc ./nested 0.7; wait'
expect 'the first child is there' "$(within split split_turn) > 5"
expect 'the one in a namespace within is there' "$(within nested ask_often) > 5"
expect 'nobody else is' "$(samples syscalls) + $(samples twin) == 0"
END
unshare -p -f --mount-proc sh -eu inside

# shellcheck disable=SC2016 # it is the inner shell that has a number
unshare -p -f sh -c 'wick record -a --duration 0.1' >out 2>err && fail_with '/proc of another namespace was believed'
grep -q 'mount -t proc proc /proc' err || fail_with 'nobody said what to do'
