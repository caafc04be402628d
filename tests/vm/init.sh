#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first process of the virtual machine. It runs each /vm/guest/*.sh (those that wick.tests=A,B on
# the kernel's command line names, if it does) and reports to the second serial port, one line a test:
#
#	ok NAME SECONDS			exit 0
#	skip NAME SECONDS WHY		exit 77; WHY is the last line that the test wrote
#	not ok NAME SECONDS WHY		anything else; lines that begin with "# " follow: what it wrote
#	note NAME TEXT			for each line that the test wrote to its descriptor 3
#	done N				after the last one: how many tests there were
export PATH=/bin HOME=/root TERM=dumb LC_ALL=C
usual_limit=120 # seconds a test may take; the corpus has a hundred programs
corpus_limit=900

mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf none /sys/fs/bpf
mount -t tracefs none /sys/kernel/tracing
mount -t tmpfs none /tmp
chmod 1777 /tmp
ip link set lo up
exec </dev/null

exec 4<>/dev/ttyS1 # open all the time: what is written around a close may be lost
stty raw -echo <&4
only=$(sed -n 's/.*wick\.tests=\([^ ]*\).*/,\1,/p' /proc/cmdline)

seconds() {
    cut -d ' ' -f 1 /proc/uptime
}

run() { # FILE
    name=${1##*/}
    name=${name%.sh}
    begin=$(seconds)
    cd /tmp || return
    limit=$usual_limit
    [ "$name" != corpus ] || limit=$corpus_limit
    # shellcheck disable=SC2016
    timeout "$limit" sh -euc '. /vm/lib.sh; . "$1"' sh "$1" >/vm/out 2>&1 3>/vm/notes
    rc=$?
    took=$(echo "$begin $(seconds)" | awk '{ printf "%.1f", $2 - $1 }')
    last=$(tail -n 1 /vm/out)
    case $rc in
    0) echo "ok $name $took" ;;
    77) echo "skip $name $took $last" ;;
    143) echo "not ok $name $took takes longer than $limit s" ;;
    *) echo "not ok $name $took $last" ;;
    esac
    case $rc in 0 | 77) ;; *) tail -n 60 /vm/out | sed 's/^/# /' ;; esac
    sed "s/^/note $name /" /vm/notes
    kill -9 -1 # what the test left behind
    cd / && rm -rf /tmp/*
}

count=0
for t in /vm/guest/*.sh; do
    n=${t##*/}
    case $only in '' | *",${n%.sh},"*)
        run "$t" >&4
        count=$((count + 1)) ;;
    esac
done
echo "done $count" >&4
poweroff -f
