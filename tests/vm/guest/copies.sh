# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Stacks from copies: instead of the kernel's walk (--call-graph dwarf), and to be compared with it.
record --call-graph dwarf -F 199 -- /w/split 1.5
work=$(within split split_turn)
enough "$work" 50
expect 'split_ten is called by split_thirty' \
    "$(calls split split_thirty split_ten) == $(within split split_ten)"
expect 'main is below all of the work' "$(within split main) >= $work"
grep -q 'unwound in the kernel' err && fail_with 'there was no room for all copies'
/w/split 60 >/dev/null &
split=$!
wick doctor --verify-unwind 5 >out 2>err
status=$?
kill $split
[ $status -le 1 ] || fail_with "exit $status of wick doctor --verify-unwind"
note "$(sed -n '/(all)/s/  */ /gp' out)"
grep -q 'at least 99.9 % of the frames agree' out || {
    sed -n '/^not agreeing/,$p' out | head -20 >err
    fail_with 'the frames do not agree'
}
