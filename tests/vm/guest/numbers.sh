# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Numbers of processes are few and are used again and again, by two programs in turn: no sample of one
# is taken for the other's.
top=/proc/sys/kernel/pid_max
was=$(cat $top)
trap 'echo $was >$top' EXIT
echo 301 >$top
least=$(cat $top)
echo $((least + 60)) >$top
# Numbers below 300 are given once.
until [ "$(sh -c 'echo $$')" -ge 300 ]; do :; done
# One more at uneven distances, or each program might get its own numbers again and again: at even
# ones, as every fourth time, it does where the free numbers are a multiple of what these take.
# shellcheck disable=SC2016 # it is the inner shell that counts
record -a -F 499 -- sh -c 'i=0; while [ $i -lt 75 ]; do
        i=$((i + 1))
        /w/split 0.03 >>splits
        /w/syscalls 0.03 >>asks
        case $i in 5 | 15 | 30 | 50) sh -c : ;; esac
    done'
again=$(cat splits asks | awk '$1 == "pid" && n[$2]++ { m++ } END { print m + 0 }')
both=$(awk '$1 == "pid" && FILENAME == "splits" { s[$2] } $1 == "pid" && FILENAME == "asks" && $2 in s && !t[$2]++ { n++ }
    END { print n + 0 }' splits asks)
note "$again numbers were given again, $both to both programs; $(within split split_turn) and $(within syscalls ask_often) samples at work"
expect 'numbers were used again, by the other program' "$both > 0"
expect 'one program has nothing of the other' "$(within split ask_often) + $(within syscalls split_turn) == 0"
expect 'the first is named' "$(within split split_turn) > 20"
expect 'the second is named' "$(within syscalls ask_often) > 20"
