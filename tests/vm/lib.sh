# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What each test of the guest begins with. Tests run as root in an empty /tmp, with sh -eu, with the
# workloads in /w, and end with 0 or through fail or skip. What they leave running is killed.

fail() { # WHY
    echo "$*"
    exit 1
}

skip() { # WHY
    echo "$*"
    exit 77
}

note() { # TEXT: is reported, whatever becomes of the test
    echo "$*" >&3
}

until_true() { # CONDITION for eval: waits for it
    tries=0
    until eval "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail_with "waited in vain for: $1"
        sleep 0.1
    done
}

fail_with() { # WHY: fails and shows what wick and its command said
    tail -n 40 out err p.folded 2>&1 || true
    fail "$*"
}

# Records with the given arguments: stacks go to p.folded, output to out and err. Checks the account.
record() {
    rm -f p.folded
    wick record -v -o p.folded "$@" >out 2>err || fail_with "exit $? of wick record $*"
    account
}

# Every tick ended in one of four ways, some were recorded, none was lost, and p.folded has them all.
account() {
    awk '/^wick: [0-9]+ ticks = / {
        print "ticks", $2; print "recorded", $5; print "idle", $8; print "filtered", $11; print "lost", $14
    }' err >account
    [ -s account ] || fail_with 'wick printed no account'
    expect 'the account adds up' \
        "$(counted ticks) == $(counted recorded) + $(counted idle) + $(counted filtered) + $(counted lost)"
    expect 'something is recorded' "$(counted recorded) > 0"
    expect 'nothing is lost' "$(counted lost) == 0"
    expect 'the file holds what was recorded' "$(samples '') == $(counted recorded)"
}

counted() { # ticks|recorded|idle|filtered|lost
    said "$1" account
}

# Sums of samples in p.folded whose first frame is COMM; COMM '' stands for all.
sum() { # COMM CONDITION of awk on f[1..n], a = A, b = B; A; B
    awk -v comm="$1" -v a="${3:-}" -v b="${4:-}" '
    function has(name,   i) { for (i = 2; i <= n; i++) if (f[i] == name) return 1; return 0 }
    function calls(i) { for (i = 2; i < n; i++) if (f[i] == a && f[i + 1] == b) return 1; return 0 }
    # Frames run from the root to the leaf.
    function kernel_then_user(   i) {
        for (i = 2; i < n; i++) if (f[i] ~ /_\[k\]$/ && f[i + 1] !~ /_\[k\]$/) return 1
        return 0
    }
    function user_leaf(   i) { for (i = n; i > 1 && f[i] ~ /_\[k\]$/; i--); return f[i] }
    {
        count = $NF
        sub(/ [0-9]+$/, "")
        n = split($0, f, ";")
        if ((comm == "" || f[1] == comm) && ('"$2"')) total += count
    }
    END { print total + 0 }' p.folded
}

samples() { # COMM
    sum "$1" 1
}

within() { # COMM FUNCTION: anywhere in the stack
    sum "$1" 'has(a)' "$2"
}

calls() { # COMM CALLER CALLEE: next to each other
    sum "$1" 'calls()' "$2" "$3"
}

in_kernel() { # COMM
    sum "$1" 'f[n] ~ /_\[k\]$/'
}

said() { # KEY [FILE]: the value that a workload printed for it
    awk -v key="$1" '$1 == key { print $2 }' "${2:-out}"
}

expect() { # WHAT CONDITION of awk
    awk "BEGIN { exit !($2) }" || fail_with "$1: it is not so that $2"
}

# The machine is emulated, and its host may be busy: ticks come later than they should and fewer, and
# the guest's clocks run on meanwhile. So the tests look at shares and bounds, with enough samples.
enough() { # HAVE WANTED
    [ "$1" -ge "$2" ] || skip "only $1 samples: the host is too busy"
}
