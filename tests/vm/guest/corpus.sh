# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The corpus of programs whose stacks are known, each recorded here as tests/corpus/run.sh does there. In
# emulation the beginning and the end of a program take a large part of its time, and what tables take to
# be made is longer; so of the few samples some more may be cut, or of what is not the matter.
[ -d /c ] || skip 'there is no corpus in this machine'
passed=0 failed=''

one() { # NAME
    # What no snapshot holds is cut until the tables are there.
    case $1 in frames-*) cut=60 ;; *) cut=8 ;; esac
    # Go's beginning is long beside half a second of work.
    case $1 in go-*) outside=80 ;; *) outside=60 ;; esac
    (cat "/c/$1.chain" && printf 'limit %s\n' "outside: $outside" 'wrong: 2' "cut: $cut") >chain
    wick record --no-inline -F 499 -o p.folded -- "/c/$1" 0.5 >err 2>&1 &&
        /c/corpus-check -u -c "$(echo "$1" | cut -c 1-15)" -N "$1" chain p.folded >said 2>&1
}

for chain in /c/*.chain; do
    name=${chain##*/}
    name=${name%.chain}
    [ ! -e "/c/$name.skip" ] || continue
    case $name in *avx2*) grep -q avx2 /proc/cpuinfo || continue ;; esac
    rm -f p.folded said
    # Twice where need be: a host that is busy stops the whole machine for a while.
    if one "$name" || one "$name"; then
        passed=$((passed + 1))
    else
        failed="$failed $name"
        tail -n 4 err
        [ ! -e said ] || cat said
    fi
done
note "$passed programs are right"
[ -z "$failed" ] || fail "wrong or cut:$failed"
